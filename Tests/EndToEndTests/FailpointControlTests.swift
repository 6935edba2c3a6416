import Foundation
import Glibc
import Testing

/// A test that has never failed proves nothing: with one mechanism taken away, the judge of the failpoints must find that it is
/// missing (reliability.md 6.1).
@Suite("Positive controls of the failpoints")
struct FailpointControlTests {
    /// What is taken away, where, and the law that is broken without it.
    struct Control: Sendable, CustomTestStringConvertible {
        let disabled: String
        let point: String
        let victims: Victims
        let law: String
        let recipe: FailpointRecipe
        var testDescription: String { "without \(disabled): \(law)" }
    }

    private static let alone = ["HEROPROC_CONTAINMENT": "subreaper"]

    static let controls: [Control] = [
        // A shim is on its way and no row says so; then nobody wants the service any more.
        Control(
            disabled: "intention",
            point: "FP-ST-4",
            victims: .reconciler,
            law: "I5",
            recipe: FailpointRecipe(
                edit: { try FailpointRecipe.web($0) },
                settle: { $0.world.remove("web") },
                wanted: ["web": .down]
            )
        ),
        // The program is dead and a child of it lives, which only the lock tells.
        Control(
            disabled: "lock",
            point: "FP-SP-4",
            victims: .both,
            law: "I1",
            recipe: FailpointRecipe(
                edit: { try FailpointRecipe.web($0, "daemonize lines 100") },
                kick: { scene in
                    let life = try await scene.world.life("web")
                    try await eventually("it has a child") { scene.world.lives("web").last?.children.isEmpty == false }
                    #expect(kill(life.pid, SIGKILL) == 0)
                },
                variables: alone
            )
        ),
        // A program that has let go of the lock is known by its identity alone.
        Control(
            disabled: "identity",
            point: "FP-AD-1",
            victims: .both,
            law: "I1",
            recipe: FailpointRecipe(
                before: { try FailpointRecipe.web($0, "drop-lock lines 100") },
                variables: alone
            )
        ),
        Control(
            disabled: "slot",
            point: "FP-EX-4",
            victims: .both,
            law: "I2",
            recipe: FailpointRecipe.all["FP-EX-4"] ?? FailpointRecipe()
        ),
        Control(
            disabled: "gate",
            point: "FP-ST-9",
            victims: .shim,
            law: "I6",
            recipe: FailpointRecipe(edit: { try FailpointRecipe.web($0) }, variables: alone)
        ),
        Control(
            disabled: "drops",
            point: "FP-LG-2",
            victims: .reconciler,
            law: "I9",
            recipe: FailpointRecipe(edit: { try FailpointRecipe.web($0) }, at: 3, action: "err:ENOSPC")
        ),
        Control(
            disabled: "waves",
            point: "FP-SP-7",
            victims: .reconciler,
            law: "I7",
            recipe: FailpointRecipe.all["FP-SP-7"] ?? FailpointRecipe()
        ),
    ]

    @Test("what is taken away is found missing", arguments: controls)
    func found(control: Control) async throws {
        guard !TestSettings.isLong else { return }
        var run = try FailpointRun(try Failpoint.named(control.point), control.victims, control.recipe)
        run.disabled = [control.disabled]
        run.patience = control.law == "I5" ? 5 : 15
        let verdict = try await Lanes.short.run { [run] in try await run.run() }
        #expect(verdict.breaks(control.law), "\(run.title): found only \(verdict.text)")
    }

    @Test("the same with nothing taken away breaks no law", arguments: controls)
    func twin(control: Control) async throws {
        guard !TestSettings.isLong else { return }
        let run = try FailpointRun(try Failpoint.named(control.point), control.victims, control.recipe)
        let verdict = try await Lanes.short.run { try await run.run() }
        #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
    }
}

import Foundation
import Glibc
import Testing

/// A test that has never failed proves nothing: with one mechanism taken away, the judge of the failpoints must find that it is
/// missing (reliability.md 6.1).
@Suite("Positive controls of the failpoints")
struct FailpointControlTests {
    /// What is taken away, where, and the law that is broken without it.
    struct PositiveControl: Sendable, CustomTestStringConvertible {
        let disabledMechanism: String
        let failpoint: String
        let victims: Victims
        let invariant: String
        let scenario: FailpointScenario
        var testDescription: String { "without \(disabledMechanism): \(invariant)" }
    }

    private static let subreaperOnly = ["HEROPROC_CONTAINMENT": "subreaper"]

    static let controls: [PositiveControl] = [
        // A shim is on its way and no row says so; then nobody wants the service any more.
        PositiveControl(
            disabledMechanism: "intention",
            failpoint: "FP-ST-4",
            victims: .reconciler,
            invariant: "I5",
            scenario: FailpointScenario(
                change: { try FailpointScenario.declareWeb($0) },
                afterFault: { $0.host.removeManifest("web") },
                expectedStates: ["web": .stopped]
            )
        ),
        // The program is dead and a child of it lives, which only the lock tells.
        PositiveControl(
            disabledMechanism: "lock",
            failpoint: "FP-SP-4",
            victims: .both,
            invariant: "I1",
            scenario: FailpointScenario(
                change: { try FailpointScenario.declareWeb($0, "daemonize lines 100") },
                trigger: { scene in
                    let life = try await scene.host.runningInstance("web")
                    try await eventually("it has a child") {
                        scene.host.instances("web").last?.children.isEmpty == false
                    }
                    #expect(kill(life.pid, SIGKILL) == 0)
                },
                environment: subreaperOnly
            )
        ),
        // A program that has let go of the lock is known by its identity alone.
        PositiveControl(
            disabledMechanism: "identity",
            failpoint: "FP-AD-1",
            victims: .both,
            invariant: "I1",
            scenario: FailpointScenario(
                setUp: { try FailpointScenario.declareWeb($0, "drop-lock lines 100") },
                environment: subreaperOnly
            )
        ),
        PositiveControl(
            disabledMechanism: "slot",
            failpoint: "FP-EX-4",
            victims: .both,
            invariant: "I2",
            scenario: FailpointScenario.all["FP-EX-4"] ?? FailpointScenario()
        ),
        PositiveControl(
            disabledMechanism: "gate",
            failpoint: "FP-ST-9",
            victims: .shim,
            invariant: "I6",
            scenario: FailpointScenario(change: { try FailpointScenario.declareWeb($0) }, environment: subreaperOnly)
        ),
        PositiveControl(
            disabledMechanism: "drops",
            failpoint: "FP-LG-2",
            victims: .reconciler,
            invariant: "I9",
            scenario: FailpointScenario(
                change: { try FailpointScenario.declareWeb($0) },
                hitNumber: 3,
                failpointAction: "err:ENOSPC"
            )
        ),
        PositiveControl(
            disabledMechanism: "waves",
            failpoint: "FP-SP-7",
            victims: .reconciler,
            invariant: "I7",
            scenario: FailpointScenario.all["FP-SP-7"] ?? FailpointScenario()
        ),
    ]

    @Test("what is taken away is found missing", arguments: controls)
    func missingMechanismIsDetected(control: PositiveControl) async throws {
        guard !TestSettings.isLong else { return }
        var run = try FailpointRun(try Failpoint.named(control.failpoint), control.victims, control.scenario)
        run.disabledMechanisms = [control.disabledMechanism]
        run.recoveryTimeout = control.invariant == "I5" ? 5 : 15
        let verdict = try await ConcurrencyLimiter.short.run { [run] in try await run.run() }
        #expect(verdict.violates(control.invariant), "\(run.title): found only \(verdict.text)")
    }

    @Test("the same with nothing taken away breaks no law", arguments: controls)
    func intactMechanismPasses(control: PositiveControl) async throws {
        guard !TestSettings.isLong else { return }
        let run = try FailpointRun(try Failpoint.named(control.failpoint), control.victims, control.scenario)
        let verdict = try await ConcurrencyLimiter.short.run { try await run.run() }
        #expect(verdict.violations.isEmpty, "\(run.title): \(verdict.text)")
    }
}

import Foundation
import Glibc
import Testing

/// Positive controls: with one mechanism disabled, the failpoint checker must report a violation.
@Suite("Positive controls of the failpoints")
struct FailpointControlTests {
    /// The disabled mechanism, the failpoint, and the invariant that is violated without the mechanism.
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
        // A shim is starting without a recorded row. Then the service is removed from the manifests.
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
        // The main program is dead and a child of it runs. Only the lock shows this.
        PositiveControl(
            disabledMechanism: "lock",
            failpoint: "FP-SP-4",
            victims: .both,
            invariant: "I1",
            scenario: FailpointScenario(
                change: { try FailpointScenario.declareWeb($0, "daemonize lines 100") },
                trigger: { context in
                    let instance = try await context.host.runningInstance("web")
                    try await eventually("web has a child") {
                        context.host.instances("web").last?.children.isEmpty == false
                    }
                    #expect(kill(instance.pid, SIGKILL) == 0)
                },
                environment: subreaperOnly
            )
        ),
        // A program that closed the lock can only be identified by PID and start time.
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

    @Test("A disabled mechanism violates its invariant", arguments: controls)
    func missingMechanismIsDetected(control: PositiveControl) async throws {
        guard !TestSettings.isLong else { return }
        var run = try FailpointRun(try Failpoint.named(control.failpoint), control.victims, control.scenario)
        run.disabledMechanisms = [control.disabledMechanism]
        run.recoveryTimeout = control.invariant == "I5" ? 5 : 15
        let result = try await ConcurrencyLimiter.short.run { [run] in try await run.run() }
        #expect(result.violates(control.invariant), "\(run.title): found only \(result.text)")
    }

    @Test("The same scenario without a disabled mechanism violates no invariant", arguments: controls)
    func intactMechanismPasses(control: PositiveControl) async throws {
        guard !TestSettings.isLong else { return }
        let run = try FailpointRun(try Failpoint.named(control.failpoint), control.victims, control.scenario)
        let result = try await ConcurrencyLimiter.short.run { try await run.run() }
        #expect(result.violations.isEmpty, "\(run.title): \(result.text)")
    }
}

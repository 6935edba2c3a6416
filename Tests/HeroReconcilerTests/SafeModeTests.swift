import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Synchronization
import Testing

@testable import HeroReconciler

/// What a reconciler does in safe mode (CR-6).
@Suite("Safe mode")
struct SafeModeTests {
    private static let web = """
        kind: Service
        name: web
        actions:
          - {name: run, exec: [sim, steady], is_process: true, retry: {delay: 100ms, jitter: 0}}
        """

    /// What ends safe mode.
    enum Cause: CaseIterable {
        case files, upgrade, time
    }

    /// Whether another version of heroproc is installed.
    private final class Upgrade: Sendable {
        private let isInstalled = Mutex(false)

        func install() { isInstalled.withLock { $0 = true } }

        var safeMode: SafeMode {
            SafeMode(
                crashes: 3,
                signal: Signal(number: 11),
                directory: "/etc/sim",
                now: WallTime(microseconds: 1_700_000_000_000_000),
                isReplaced: { self.isInstalled.withLock { $0 } }
            )
        }
    }

    /// A harness in which web runs, and whose reconciler is in safe mode.
    private func safeModeHarness(_ upgrade: Upgrade = Upgrade()) throws -> ReconcilerHarness {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.web)
        try harness.crashReconciler(into: upgrade.safeMode)
        try harness.advance(.seconds(1))
        return harness
    }

    @Test("CR-6: Safe mode keeps jobs running, and an event gives reason and end")
    func keepsUp() throws {
        let harness = try safeModeHarness()
        let job = try #require(try harness.jobs(of: "web").first)
        for round in 1...3 {
            #expect(harness.executions("core/web.run") == round)
            harness.killProgram(try #require(harness.machine.runningProcess("core/web.run")))
            try harness.advance(.seconds(3))
        }
        #expect(try harness.jobs(of: "web").map(\.id) == [job.id])
        let text = try harness.events("").last { $0.hasPrefix("safe mode: ") } ?? ""
        #expect(
            text.hasPrefix("safe mode: the reconciler crashed 3 times within a minute, the last time by SIGSEGV; ")
                && text.hasSuffix(
                    "as soon as anything changes in /etc/sim or heroproc is replaced, "
                        + "or at 2023-11-14T22:23:20Z"
                ),
            "\(text)"
        )
        #expect(!harness.reconciler.isFinished)
    }

    @Test("CR-6: An apply in safe mode is refused with the reason and changes nothing")
    func refuses() throws {
        let harness = try safeModeHarness()
        harness.expectRefusals()
        #expect(try harness.apply(Self.web.replacing("steady", with: "other")) == nil)
        #expect(harness.refusal?.hasPrefix("cannot apply /etc/sim: safe mode: the reconciler crashed 3 times") == true)
        #expect(try harness.store.reader.revision()?.number == 1 && harness.executions("core/web.run") == 1)
        // The manifests are not even read.
        #expect(try harness.apply("kind: [") == nil)
        #expect(harness.refusal?.contains("safe mode") == true)
    }

    @Test(
        "CR-6: Safe mode ends by a file change, an upgrade or after ten minutes",
        arguments: Cause.allCases
    )
    func ends(by cause: Cause) throws {
        let upgrade = Upgrade()
        let harness = try safeModeHarness(upgrade)
        try harness.advance(.seconds(590))
        #expect(!harness.reconciler.isFinished && !harness.reconciler.mustRestartNormally)
        switch cause {
        case .files: harness.touchFiles()
        case .upgrade: upgrade.install()
        case .time: break
        }
        try harness.advance(cause == .time ? .seconds(15) : .seconds(3))
        #expect(harness.reconciler.isFinished && harness.reconciler.mustRestartNormally)
        #expect(try harness.events("").last?.hasPrefix("safe mode has ended: ") == true)
        #expect(harness.executions("core/web.run") == 1 && harness.machine.runningProcess("core/web.run") != nil)
        // The next reconciler is not in safe mode.
        try harness.crashReconciler()
        #expect(try harness.apply(Self.web.replacing("steady", with: "other"))?.isConverged == true)
    }

    @Test("CR-6: A down is completed before safe mode ends")
    func down() throws {
        let harness = try safeModeHarness()
        try harness.down(then: .zero)
        harness.touchFiles()
        try harness.advance(.zero)
        #expect(harness.reconciler.mustRestartNormally && !harness.reconciler.isFinished, "a client waits")
        try harness.advance(.seconds(2))
        #expect(try harness.result()?.isConverged == true)
        #expect(harness.machine.runningProcess("core/web.run") == nil)
        #expect(harness.reconciler.isFinished && harness.reconciler.mustRestartNormally)
    }
}

import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Synchronization
import Testing

@testable import HeroReconciler

/// What a reconciler does, and what it does not, after crashes of its own making (reliability.md CR-6).
@Suite("Safe mode")
struct SafeModeTests {
    private static let web = """
        kind: Service
        name: web
        actions:
          - {name: run, exec: [sim, steady], is_process: true, retry: {delay: 100ms, jitter: 0}}
        """

    /// What ends it.
    enum Cause: CaseIterable {
        case files, upgrade, time
    }

    /// Whether another heroproc is there, as a test says.
    private final class Upgrade: Sendable {
        private let isThere = Mutex(false)

        func make() { isThere.withLock { $0 = true } }

        var safeMode: SafeMode {
            SafeMode(
                crashes: 3,
                signal: Signal(number: 11),
                directory: "/etc/sim",
                now: WallTime(microseconds: 1_700_000_000_000_000),
                isReplaced: { self.isThere.withLock { $0 } }
            )
        }
    }

    /// A machine on which web runs, and whose reconciler is in safe mode.
    private func machine(_ upgrade: Upgrade = Upgrade()) throws -> ReconcilerHarness {
        let machine = try ReconcilerHarness()
        try machine.apply(Self.web)
        try machine.crashReconciler(into: upgrade.safeMode)
        try machine.advance(.seconds(1))
        return machine
    }

    @Test("CR-6: what was applied is kept up in the same job, and an event says why and until when")
    func keepsUp() throws {
        let machine = try machine()
        let job = try #require(try machine.jobs(of: "web").first)
        for round in 1...3 {
            #expect(machine.executions("core/web.run") == round)
            machine.killProgram(try #require(machine.machine.runningProcess("core/web.run")))
            try machine.advance(.seconds(3))
        }
        #expect(try machine.jobs(of: "web").map(\.id) == [job.id])
        let said = try machine.events("").last { $0.hasPrefix("safe mode: ") } ?? ""
        #expect(
            said.hasPrefix("safe mode: the reconciler crashed 3 times within a minute, the last time by SIGSEGV; ")
                && said.hasSuffix(
                    "as soon as anything changes in /etc/sim or heroproc is replaced, at the latest at 2023-11-14T22:23:20Z"
                ),
            "\(said)"
        )
        #expect(!machine.reconciler.isFinished)
    }

    @Test("CR-6: an apply is refused with the reason, and changes nothing")
    func refuses() throws {
        let machine = try machine()
        machine.expectRefusals()
        #expect(try machine.apply(Self.web.replacing("steady", with: "other")) == nil)
        #expect(machine.refusal?.hasPrefix("cannot apply /etc/sim: safe mode: the reconciler crashed 3 times") == true)
        #expect(try machine.store.reader.revision()?.number == 1 && machine.executions("core/web.run") == 1)
        // Not even what cannot be read is read.
        #expect(try machine.apply("kind: [") == nil)
        #expect(machine.refusal?.contains("safe mode") == true)
    }

    @Test(
        "CR-6: it ends with a change of the directory, with an upgrade, or after ten minutes, and no sooner; nobody is touched",
        arguments: Cause.allCases
    )
    func ends(by cause: Cause) throws {
        let upgrade = Upgrade()
        let machine = try machine(upgrade)
        try machine.advance(.seconds(590))
        #expect(!machine.reconciler.isFinished && !machine.reconciler.mustRestartNormally)
        switch cause {
        case .files: machine.touchFiles()
        case .upgrade: upgrade.make()
        case .time: break
        }
        try machine.advance(cause == .time ? .seconds(15) : .seconds(3))
        #expect(machine.reconciler.isFinished && machine.reconciler.mustRestartNormally)
        #expect(try machine.events("").last?.hasPrefix("safe mode is over: ") == true)
        #expect(machine.executions("core/web.run") == 1 && machine.machine.runningProcess("core/web.run") != nil)
        // The next one does not hold back.
        try machine.crashReconciler()
        #expect(try machine.apply(Self.web.replacing("steady", with: "other"))?.isConverged == true)
    }

    @Test("CR-6: a down is carried out, and safe mode does not end under who waits for it")
    func down() throws {
        let machine = try machine()
        try machine.down(then: .zero)
        machine.touchFiles()
        try machine.advance(.zero)
        #expect(machine.reconciler.mustRestartNormally && !machine.reconciler.isFinished, "somebody waits")
        try machine.advance(.seconds(2))
        #expect(try machine.result()?.isConverged == true)
        #expect(machine.machine.runningProcess("core/web.run") == nil)
        #expect(machine.reconciler.isFinished && machine.reconciler.mustRestartNormally)
    }
}

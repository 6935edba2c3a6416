import HeroKernel
import HeroModel
import HeroSim
import Testing

@testable import HeroReconciler

@Suite("Programs that say themselves how they are")
struct NotifyTests {
    private func service(_ name: String, _ kind: String, _ keys: String = "", requires: String = "") -> String {
        """
        ---
        kind: Service
        name: \(name)
        requires: [\(requires)]
        actions:
          - name: a0
            exec: [sim, \(kind)]
            is_process: true
            stop: {timeout: 200ms}
            retry: {delay: 10ms}
            start_timeout: 2s
            ready: {notify: true}
            \(keys)

        """
    }

    @Test("RS-6: who requires them starts when they have said READY=1, and not before")
    func gates() throws {
        let machine = try ReconcilerHarness()
        let set = service("db", "slow-herald") + service("web", "herald", requires: "db")
        try machine.apply(set, then: .milliseconds(400))
        #expect(try machine.state("db") == .starting)
        #expect(machine.executions("core/web.a0") == 0)
        try machine.advance(.milliseconds(400))
        #expect(try machine.state("db") == .running && machine.state("web") == .running)
        let said = try #require(machine.machine.trace.executions[0].notifiedReadyAt)
        #expect(machine.machine.trace.executions[1].began >= said)
        #expect(try machine.result()?.isConverged == true)
    }

    @Test("SH-2: what was said while no reconciler lived is heard by the next one, and ready stays ready")
    func crashes() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("db", "slow-herald"), then: .milliseconds(200))
        #expect(try machine.state("db") == .starting)
        try machine.crashReconciler(for: .seconds(1))
        try machine.advance(.milliseconds(20))
        #expect(try machine.state("db") == .running)
        try machine.crashReconciler(for: .seconds(5))
        try machine.advance(.milliseconds(20))
        #expect(try machine.state("db") == .running && machine.jobs(of: "db").map(\.restartCount) == [0])
        #expect(machine.executions("core/db.a0") == 1)
    }

    @Test(
        "RS-5: one that stops pinging is started again, in the same job, also when the reconciler is another one by then"
    )
    func watchdog() throws {
        for crashes in [false, true] {
            let machine = try ReconcilerHarness()
            try machine.apply(service("web", "hanging-herald", "health: {watchdog: 500ms}"), then: .milliseconds(900))
            #expect(try machine.state("web") == .running)
            if crashes { try machine.crashReconciler(for: .milliseconds(50)) }
            try machine.advance(.milliseconds(1300))
            let jobs = try machine.jobs(of: "web")
            #expect(jobs.count == 1 && jobs[0].restartCount == 1 && jobs[0].isHealthy == true)
            let reason = "is not healthy: it has not said WATCHDOG=1 for 500ms; stopping it"
            #expect(try machine.events("core/web.a0").contains(reason))
        }
    }

    @Test("one without a watchdog is left alone, however it hangs")
    func noWatchdog() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", "hanging-herald"), then: .seconds(20))
        #expect(try machine.state("web") == .running && machine.jobs(of: "web").map(\.restartCount) == [0])
    }

    @Test("a shim is told to listen where that is asked for, and nowhere else")
    func orders() {
        func order(_ change: (inout ActionSpec) -> Void) -> LaunchRequest {
            var action = ActionSpec("server", .exec(["a"]), isProcess: true)
            change(&action)
            return LaunchRequestBuilder(baseEnvironment: [:]).launchRequest(.sample, action, in: nil)
        }
        #expect(!order { _ in }.mayNotify)
        #expect(!order { $0.ready = Probe(.unix("/s")) }.mayNotify)
        let ready = order {
            $0.ready = Probe(.notify)
            $0.startTimeout = .seconds(7)
        }
        #expect(ready.mayNotify && ready.notifiesReady && ready.watchdog == nil && ready.handoverTimeout == .seconds(7))
        let watched = order { $0.health = Probe(.watchdog(.seconds(9))) }
        #expect(watched.mayNotify && !watched.notifiesReady && watched.watchdog == .seconds(9))
        let once = order {
            $0.isProcess = false
            $0.ready = Probe(.notify)
            $0.health = Probe(.watchdog(.seconds(9)))
        }
        #expect(!once.mayNotify && once.watchdog == nil)
    }
}

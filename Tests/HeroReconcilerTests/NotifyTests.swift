import HeroKernel
import HeroModel
import HeroSim
import Testing

@testable import HeroReconciler

@Suite("Notify messages")
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

    @Test("RS-6: A dependent starts only after READY=1 of its requirement")
    func gates() throws {
        let harness = try ReconcilerHarness()
        let set = service("db", "slow-notifier") + service("web", "notifier", requires: "db")
        try harness.apply(set, then: .milliseconds(400))
        #expect(try harness.state("db") == .starting)
        #expect(harness.executions("core/web.a0") == 0)
        try harness.advance(.milliseconds(400))
        #expect(try harness.state("db") == .running && harness.state("web") == .running)
        let readyAt = try #require(harness.machine.trace.executions[0].notifiedReadyAt)
        #expect(harness.machine.trace.executions[1].began >= readyAt)
        #expect(try harness.result()?.isConverged == true)
    }

    @Test("SH-2: A new reconciler gets the messages sent while no reconciler was running")
    func crashes() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("db", "slow-notifier"), then: .milliseconds(200))
        #expect(try harness.state("db") == .starting)
        try harness.crashReconciler(for: .seconds(1))
        try harness.advance(.milliseconds(20))
        #expect(try harness.state("db") == .running)
        try harness.crashReconciler(for: .seconds(5))
        try harness.advance(.milliseconds(20))
        #expect(try harness.state("db") == .running && harness.jobs(of: "db").map(\.restartCount) == [0])
        #expect(harness.executions("core/db.a0") == 1)
    }

    @Test(
        "RS-5: A program without watchdog pings is restarted, also by a new reconciler"
    )
    func watchdog() throws {
        for crashes in [false, true] {
            let harness = try ReconcilerHarness()
            try harness.apply(service("web", "hanging-notifier", "health: {watchdog: 500ms}"), then: .milliseconds(900))
            #expect(try harness.state("web") == .running)
            if crashes { try harness.crashReconciler(for: .milliseconds(50)) }
            try harness.advance(.milliseconds(1300))
            let jobs = try harness.jobs(of: "web")
            #expect(jobs.count == 1 && jobs[0].restartCount == 1 && jobs[0].isHealthy == true)
            let reason = "is not healthy: it has not sent WATCHDOG=1 for 500ms; stopping it"
            #expect(try harness.events("core/web.a0").contains(reason))
        }
    }

    @Test("A hanging program without a watchdog is not restarted")
    func noWatchdog() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", "hanging-notifier"), then: .seconds(20))
        #expect(try harness.state("web") == .running && harness.jobs(of: "web").map(\.restartCount) == [0])
    }

    @Test("A launch request has a notify socket only where the manifest needs one")
    func requests() {
        func request(_ change: (inout ActionSpec) -> Void) -> LaunchRequest {
            var action = ActionSpec("server", .exec(["a"]), isProcess: true)
            change(&action)
            return LaunchRequestBuilder(baseEnvironment: [:]).launchRequest(.sample, action, in: nil)
        }
        #expect(!request { _ in }.mayNotify)
        #expect(!request { $0.ready = Probe(.unix("/s")) }.mayNotify)
        let ready = request {
            $0.ready = Probe(.notify)
            $0.startTimeout = .seconds(7)
        }
        #expect(ready.mayNotify && ready.notifiesReady && ready.watchdog == nil && ready.handoverTimeout == .seconds(7))
        let watched = request { $0.health = Probe(.watchdog(.seconds(9))) }
        #expect(watched.notifyFrom == nil && request { $0.notifyFrom = .all }.notifyFrom == .all)
        #expect(watched.mayNotify && !watched.notifiesReady && watched.watchdog == .seconds(9))
        let once = request {
            $0.isProcess = false
            $0.ready = Probe(.notify)
            $0.health = Probe(.watchdog(.seconds(9)))
        }
        #expect(!once.mayNotify && once.watchdog == nil)
    }
}

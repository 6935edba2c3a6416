import Foundation
import Glibc
import Testing

/// The monitor restarts the reconciler after every crash (guarantee SH-15).
@Suite("The reconciler monitor", .serialized)
struct ReconcilerMonitorTests {
    /// Starts a monitored reconciler that syncs, and waits until it runs.
    private func startMonitoredReconciler(
        _ host: TestHost,
        _ options: String...,
        environment: [String: String] = [:]
    ) async throws -> RunningCommand {
        let monitor = try host.start(["reconcile", "--watch", "--keep"] + options, environment: environment)
        try await eventually("the reconciler runs") { host.reconcilerPID != nil && host.monitorPID == monitor.pid }
        return monitor
    }

    /// Kills the reconciler and waits for the next one.
    private func crashReconciler(_ host: TestHost) async throws {
        let pid = try #require(host.reconcilerPID)
        #expect(kill(pid, SIGKILL) == 0)
        try await eventually("a new reconciler runs", within: 40) { host.reconcilerPID.map { $0 != pid } ?? false }
    }

    @Test(
        "The monitor restarts a killed reconciler with growing delays (SH-15)"
    )
    func restartsAfterEachKill() async throws {
        // The long form makes a hundred crashes: ten for each of ten monitors in parallel, because the delays grow.
        let (monitors, crashes) = (TestSettings.cycles(1, share: 100), TestSettings.isLong ? 10 : 4)
        let slowest = try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<monitors {
                group.addTask {
                    var slowest = Duration.zero
                    try await TestHost.with { slowest = try await self.measureRestarts(crashes, $0) }
                    return slowest
                }
            }
            return try await group.reduce(Duration.zero) { max($0, $1) }
        }
        TestSettings.reportRow([
            "row": "SH-15 monitor", "cycles": "\(monitors * crashes)",
            "slowest": "\(Int(slowest / .milliseconds(1))) ms",
            "verdict": "restarted each time",
        ])
    }

    /// Kills a monitored reconciler repeatedly and checks the restarts.
    ///
    /// Returns the longest time until a restart.
    private func measureRestarts(_ count: Int, _ host: TestHost) async throws -> Duration {
        var slowest = Duration.zero
        try host.declare("web")
        let monitor = try await startMonitoredReconciler(host)
        let web = try await host.runningInstance("web", number: 1)
        let before = try #require(statusValue("RssAnon", of: monitor.pid))
        for _ in 0..<count {
            let begin = ContinuousClock.now
            try await crashReconciler(host)
            slowest = max(slowest, ContinuousClock.now - begin)
        }
        #expect(isAlive(monitor.pid) && host.monitorPID == monitor.pid)
        #expect(try await host.runningInstance("web", number: 1) == web)
        let after = try #require(statusValue("RssAnon", of: monitor.pid))
        #expect(after <= before + 8, "\(after) KiB after \(before)")
        let log = host.readText(monitor.errorPath)
        for pause in [200, 400, 800, 1600] {
            #expect(log.contains("was killed by signal 9; restarting in \(pause) ms"), "\(log)")
        }
        // The new reconciler works like the first one.
        try host.declare("more")
        _ = try await host.runningInstance("more")
        #expect(kill(web.pid, SIGKILL) == 0)
        #expect(try await host.runningInstance("web", number: 2).job == web.job)

        #expect(kill(monitor.pid, SIGTERM) == 0)
        #expect(try await host.exitCode(of: monitor) == 0)
        #expect(host.reconcilerPID == nil)
        #expect(isAlive(try await host.runningInstance("web").pid))
        return slowest
    }

    @Test(
        "The monitor kills a hung reconciler and leaves an idle one running (SH-16)"
    )
    func watchdogKillsHungReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let monitor = try await startMonitoredReconciler(host, environment: ["HEROPROC_WATCHDOG": "4"])
            let (web, first) = (try await host.runningInstance("web", number: 1), try #require(host.reconcilerPID))
            // The idle time is longer than the watchdog interval.
            let begin = bootTime()
            try await eventually("the time has passed") { bootTime() - begin > 6_000_000_000 }
            #expect(host.reconcilerPID == first && host.readText(monitor.errorPath).contains("killed") == false)

            #expect(kill(first, SIGSTOP) == 0)
            try await eventually("a new reconciler runs", within: 40) {
                host.reconcilerPID.map { $0 != first } ?? false
            }
            let log = host.readText(monitor.errorPath)
            #expect(log.contains("the reconciler sent no heartbeat for 4 s; killing it\n"), "\(log)")
            #expect(log.contains("was killed by signal 9; restarting in 200 ms"), "\(log)")
            #expect(host.monitorPID == monitor.pid)
            #expect(try await host.runningInstance("web", number: 1) == web)
            // The new reconciler works like the first one.
            #expect(kill(web.pid, SIGKILL) == 0)
            _ = try await host.runningInstance("web", number: 2)
        }
    }

    @Test("HEROPROC_WATCHDOG=0 leaves a stopped reconciler alone (SH-16)")
    func watchdogCanBeDisabled() async throws {
        try await TestHost.with { host in
            _ = try await startMonitoredReconciler(host, environment: ["HEROPROC_WATCHDOG": "0"])
            let pid = try #require(host.reconcilerPID)
            #expect(kill(pid, SIGSTOP) == 0)
            let begin = bootTime()
            try await eventually("the time has passed") { bootTime() - begin > 2_000_000_000 }
            #expect(host.reconcilerPID == pid && isAlive(pid))
            #expect(kill(pid, SIGCONT) == 0)
        }
    }

    @Test("The monitor exits with the code of a reconciler that exits normally")
    func exitsWithItsReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let monitor = try await startMonitoredReconciler(host)
            // Another reconciler is refused, with or without a monitor.
            let second = try host.start(["reconcile", "--watch", "--keep"])
            #expect(try await host.exitCode(of: second) == 2)
            #expect(
                host.readText(second.errorPath).contains("cannot reconcile"),
                "\(host.readText(second.errorPath))"
            )
            #expect(!host.readText(second.errorPath).contains("restarting in"))
            // A reconciler that cannot start is not restarted, because a caller waits for the exit code.
            let nowhere = try host.start(["reconcile", "--watch", "--keep", "--state", "/proc/nowhere"])
            #expect(try await host.exitCode(of: nowhere) == 2)
            #expect(
                host.readText(nowhere.errorPath).contains("error: cannot "),
                "\(host.readText(nowhere.errorPath))"
            )
            // After a signal to the reconciler both reconciler and monitor exit.
            #expect(kill(try #require(host.reconcilerPID), SIGINT) == 0)
            #expect(try await host.exitCode(of: monitor) == 0)
        }
    }

    @Test("The reconciler of an apply is monitored and exits after down")
    func backgroundReconcilerIsMonitored() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web")
            let monitor = try #require(host.monitorPID)
            try await crashReconciler(host)
            #expect(host.monitorPID == monitor)
            let status = try await host.run("status", "-o", "json").json["reconciler"] as? [String: Any]
            #expect(status?["alive"] as? Bool == true && status?["mode"] as? String == "background")
            #expect(kill(web.pid, SIGKILL) == 0)
            let healed = try await host.runningInstance("web", number: 2)
            #expect(healed.job == web.job)
            try await host.expectEmptyDiff()
            #expect(try await host.run("down").exitCode == 0)
            try await eventually("reconciler and monitor have exited") {
                host.reconcilerPID == nil && !isAlive(monitor)
            }
        }
    }

    @Test("A down holds across a reconciler crash until the next apply")
    func downSurvivesACrash() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let monitor = try await startMonitoredReconciler(host)
            _ = try await host.runningInstance("web")
            #expect(try await host.run("down").exitCode == 0)
            try await crashReconciler(host)
            try host.declare("more")
            try await host.apply()
            #expect(host.instances("web").count == 2 && host.instances("more").count == 1)
            let history = try await host.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            let actors = history.reversed().map { $0["actor"] as? String ?? "" }
            #expect(actors.first == "reconciler" && actors.count == 3)
            #expect(actors.last != "reconciler", "the reconciler after the crash started nothing: \(actors)")
            #expect(host.monitorPID == monitor.pid)
        }
    }

    @Test("A new reconciler completes an interrupted shutdown (P1-2)")
    func crashDuringShutdown() async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            try host.declare("db")
            try host.declare(
                "web",
                "requires: [db]",
                actions: .process("ignore-term wait-for \(go) exit 0", "stop: {timeout: 80s}")
            )
            let monitor = try await startMonitoredReconciler(host, "--down-on-exit")
            _ = try await host.runningInstance("web")
            #expect(kill(monitor.pid, SIGTERM) == 0)
            try await eventually("web received its stop signal") { host.instances("web").first?.stopRequestedAt != nil }
            try await crashReconciler(host)
            #expect(host.instances("db").allSatisfy { $0.stopRequestedAt == nil }, "db waits for web")
            try Data().write(to: URL(fileURLWithPath: go))
            #expect(try await host.exitCode(of: monitor) == 0)
            let (db, web) = (try #require(host.instances("db").first), try #require(host.instances("web").first))
            #expect(try #require(web.endedAt) < db.stopRequestedAt ?? 0)
            #expect(host.instances("db").count == 1 && host.instances("web").count == 1)
        }
    }
}

import Foundation
import Glibc
import Testing

/// A reconciler that is kept comes back whenever it crashes (reliability.md SH-15).
@Suite("Keep mode", .serialized)
struct ReconcilerMonitorTests {
    /// Starts a kept reconciler that syncs; waits until it is there.
    private func startMonitoredReconciler(
        _ world: TestHost,
        _ options: String...,
        extra: [String: String] = [:]
    ) async throws -> TestHost.RunningCommand {
        let keeper = try world.start(["reconcile", "--watch", "--keep"] + options, extra: extra)
        try await eventually("the reconciler is there") { world.reconcilerPID != nil && world.monitorPID == keeper.pid }
        return keeper
    }

    /// Kills the reconciler and waits for the next one.
    private func crashReconciler(_ world: TestHost) async throws {
        let pid = try #require(world.reconcilerPID)
        #expect(kill(pid, SIGKILL) == 0)
        try await eventually("another one is there", within: 40) { world.reconcilerPID.map { $0 != pid } ?? false }
    }

    @Test(
        "SH-15: it comes back after each kill -9, with growing pauses; services are untouched, its keeper does not grow"
    )
    func restartsAfterEachKill() async throws {
        // A hundred in the long form: ten crashes each, side by side, as nobody is in a hurry after the fifth.
        let (keepers, crashes) = (TestSettings.cycles(1, share: 100), TestSettings.isLong ? 10 : 4)
        let slowest = try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<keepers {
                group.addTask {
                    var slowest = Duration.zero
                    try await TestHost.with { slowest = try await self.measureRestarts(crashes, $0) }
                    return slowest
                }
            }
            return try await group.reduce(Duration.zero) { max($0, $1) }
        }
        TestSettings.reportRow([
            "row": "SH-15 keeper", "cycles": "\(keepers * crashes)", "slowest": "\(Int(slowest / .milliseconds(1))) ms",
            "verdict": "back each time",
        ])
    }

    /// Kills a kept reconciler so often, and judges it; how long it took at most until it was there again.
    private func measureRestarts(_ count: Int, _ world: TestHost) async throws -> Duration {
        var slowest = Duration.zero
        try world.declare("web")
        let keeper = try await startMonitoredReconciler(world)
        let web = try await world.runningInstance("web", number: 1)
        let before = try #require(statusValue("RssAnon", of: keeper.pid))
        for _ in 0..<count {
            let begin = ContinuousClock.now
            try await crashReconciler(world)
            slowest = max(slowest, ContinuousClock.now - begin)
        }
        #expect(isAlive(keeper.pid) && world.monitorPID == keeper.pid)
        #expect(try await world.runningInstance("web", number: 1) == web)
        let after = try #require(statusValue("RssAnon", of: keeper.pid))
        #expect(after <= before + 8, "\(after) KiB after \(before)")
        let said = world.readText(keeper.errorPath)
        for pause in [200, 400, 800, 1600] {
            #expect(said.contains("was ended by signal 9; it is started again in \(pause) ms"), "\(said)")
        }
        // It does what the first one did.
        try world.declare("more")
        _ = try await world.runningInstance("more")
        #expect(kill(web.pid, SIGKILL) == 0)
        #expect(try await world.runningInstance("web", number: 2).job == web.job)

        #expect(kill(keeper.pid, SIGTERM) == 0)
        #expect(try await world.exitCode(of: keeper) == 0)
        #expect(world.reconcilerPID == nil)
        #expect(isAlive(try await world.runningInstance("web").pid))
        return slowest
    }

    @Test(
        "SH-16: a reconciler that hangs is killed and comes back, one that idles is left alone; services are untouched"
    )
    func watchdogKillsHungReconciler() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let keeper = try await startMonitoredReconciler(world, extra: ["HEROPROC_WATCHDOG": "4"])
            let (web, first) = (try await world.runningInstance("web", number: 1), try #require(world.reconcilerPID))
            // Nothing happens for longer than it may say nothing.
            let begin = bootTime()
            try await eventually("time goes by") { bootTime() - begin > 6_000_000_000 }
            #expect(world.reconcilerPID == first && world.readText(keeper.errorPath).contains("killed") == false)

            #expect(kill(first, SIGSTOP) == 0)
            try await eventually("another one is there", within: 40) {
                world.reconcilerPID.map { $0 != first } ?? false
            }
            let said = world.readText(keeper.errorPath)
            #expect(said.contains("the reconciler has not said anything for 4 s; it is killed\n"), "\(said)")
            #expect(said.contains("was ended by signal 9; it is started again in 200 ms"), "\(said)")
            #expect(world.monitorPID == keeper.pid)
            #expect(try await world.runningInstance("web", number: 1) == web)
            // The new one does what the first one did.
            #expect(kill(web.pid, SIGKILL) == 0)
            _ = try await world.runningInstance("web", number: 2)
        }
    }

    @Test("SH-16: HEROPROC_WATCHDOG=0 lets a stopped reconciler be, as a debugger wants it")
    func watchdogCanBeDisabled() async throws {
        try await TestHost.with { world in
            _ = try await startMonitoredReconciler(world, extra: ["HEROPROC_WATCHDOG": "0"])
            let pid = try #require(world.reconcilerPID)
            #expect(kill(pid, SIGSTOP) == 0)
            let begin = bootTime()
            try await eventually("time goes by") { bootTime() - begin > 2_000_000_000 }
            #expect(world.reconcilerPID == pid && isAlive(pid))
            #expect(kill(pid, SIGCONT) == 0)
        }
    }

    @Test("it leaves with the code of a reconciler that leaves by itself, and does not start that one again")
    func exitsWithItsReconciler() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let keeper = try await startMonitoredReconciler(world)
            // Another one is refused, kept or not.
            let second = try world.start(["reconcile", "--watch", "--keep"])
            #expect(try await world.exitCode(of: second) == 2)
            #expect(
                world.readText(second.errorPath).contains("cannot reconcile"),
                "\(world.readText(second.errorPath))"
            )
            #expect(!world.readText(second.errorPath).contains("started again"))
            // One that cannot even begin is not tried again either: somebody waits for the answer.
            let nowhere = try world.start(["reconcile", "--watch", "--keep", "--state", "/proc/nowhere"])
            #expect(try await world.exitCode(of: nowhere) == 2)
            #expect(
                world.readText(nowhere.errorPath).contains("error: cannot "),
                "\(world.readText(nowhere.errorPath))"
            )
            // Asked directly, the reconciler leaves, and its keeper with it.
            #expect(kill(try #require(world.reconcilerPID), SIGINT) == 0)
            #expect(try await world.exitCode(of: keeper) == 0)
        }
    }

    @Test("the reconciler that apply starts is kept: it comes back, heals what died meanwhile, and leaves after down")
    func backgroundReconcilerIsMonitored() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.runningInstance("web")
            let keeper = try #require(world.monitorPID)
            try await crashReconciler(world)
            #expect(world.monitorPID == keeper)
            let status = try await world.run("status", "-o", "json").json["reconciler"] as? [String: Any]
            #expect(status?["alive"] as? Bool == true && status?["mode"] as? String == "background")
            #expect(kill(web.pid, SIGKILL) == 0)
            let healed = try await world.runningInstance("web", number: 2)
            #expect(healed.job == web.job)
            try await world.expectEmptyDiff()
            #expect(try await world.run("down").exitCode == 0)
            try await eventually("both have left") { world.reconcilerPID == nil && !isAlive(keeper) }
        }
    }

    @Test("down holds although the reconciler crashes afterwards; the next apply brings all up again")
    func downSurvivesACrash() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let keeper = try await startMonitoredReconciler(world)
            _ = try await world.runningInstance("web")
            #expect(try await world.run("down").exitCode == 0)
            try await crashReconciler(world)
            try world.declare("more")
            try await world.apply()
            #expect(world.instances("web").count == 2 && world.instances("more").count == 1)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            let actors = history.reversed().map { $0["actor"] as? String ?? "" }
            #expect(actors.first == "reconciler" && actors.count == 3)
            #expect(actors.last != "reconciler", "the one after the crash brought nothing up by itself: \(actors)")
            #expect(world.monitorPID == keeper.pid)
        }
    }

    @Test("a reconciler that crashes while it takes all down is followed by one that goes on with that (P1-2)")
    func crashDuringShutdown() async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            try world.declare("db")
            try world.declare(
                "web",
                "requires: [db]",
                actions: .process("ignore-term wait-for \(go) exit 0", "stop: {timeout: 80s}")
            )
            let keeper = try await startMonitoredReconciler(world, "--down-on-exit")
            _ = try await world.runningInstance("web")
            #expect(kill(keeper.pid, SIGTERM) == 0)
            try await eventually("web was asked to end") { world.instances("web").first?.stopRequestedAt != nil }
            try await crashReconciler(world)
            #expect(world.instances("db").allSatisfy { $0.stopRequestedAt == nil }, "db waits for web")
            try Data().write(to: URL(fileURLWithPath: go))
            #expect(try await world.exitCode(of: keeper) == 0)
            let (db, web) = (try #require(world.instances("db").first), try #require(world.instances("web").first))
            #expect(try #require(web.endedAt) < db.stopRequestedAt ?? 0)
            #expect(world.instances("db").count == 1 && world.instances("web").count == 1)
        }
    }
}

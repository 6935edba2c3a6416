import Foundation
import Glibc
import Testing

/// A reconciler that is kept comes back whenever it crashes (reliability.md SH-15).
@Suite("Keep mode", .serialized)
struct KeepTests {
    /// Starts a kept reconciler that syncs; waits until it is there.
    private func keep(
        _ world: World,
        _ options: String...,
        extra: [String: String] = [:]
    ) async throws -> World.Running {
        let keeper = try world.start(["reconcile", "--watch", "--keep"] + options, extra: extra)
        try await eventually("the reconciler is there") { world.reconciler != nil && world.keeper == keeper.pid }
        return keeper
    }

    /// Kills the reconciler and waits for the next one.
    private func crash(_ world: World) async throws {
        let pid = try #require(world.reconciler)
        #expect(kill(pid, SIGKILL) == 0)
        try await eventually("another one is there", within: 40) { world.reconciler.map { $0 != pid } ?? false }
    }

    @Test(
        "SH-15: it comes back after each kill -9, with growing pauses; services are untouched, its keeper does not grow"
    )
    func comesBack() async throws {
        // A hundred in the long form: ten crashes each, side by side, as nobody is in a hurry after the fifth.
        let (keepers, crashes) = (TestSettings.cycles(1, share: 100), TestSettings.isLong ? 10 : 4)
        let slowest = try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<keepers {
                group.addTask {
                    var slowest = Duration.zero
                    try await World.with { slowest = try await self.crashes(crashes, $0) }
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
    private func crashes(_ count: Int, _ world: World) async throws -> Duration {
        var slowest = Duration.zero
        try world.declare("web")
        let keeper = try await keep(world)
        let web = try await world.life("web", number: 1)
        let before = try #require(statusValue("RssAnon", of: keeper.pid))
        for _ in 0..<count {
            let begin = ContinuousClock.now
            try await crash(world)
            slowest = max(slowest, ContinuousClock.now - begin)
        }
        #expect(isAlive(keeper.pid) && world.keeper == keeper.pid)
        #expect(try await world.life("web", number: 1) == web)
        let after = try #require(statusValue("RssAnon", of: keeper.pid))
        #expect(after <= before + 8, "\(after) KiB after \(before)")
        let said = world.text(keeper.err)
        for pause in [200, 400, 800, 1600] {
            #expect(said.contains("was ended by signal 9; it is started again in \(pause) ms"), "\(said)")
        }
        // It does what the first one did.
        try world.declare("more")
        _ = try await world.life("more")
        #expect(kill(web.pid, SIGKILL) == 0)
        #expect(try await world.life("web", number: 2).job == web.job)

        #expect(kill(keeper.pid, SIGTERM) == 0)
        #expect(try await world.code(of: keeper) == 0)
        #expect(world.reconciler == nil)
        #expect(isAlive(try await world.life("web").pid))
        return slowest
    }

    @Test(
        "SH-16: a reconciler that hangs is killed and comes back, one that idles is left alone; services are untouched"
    )
    func watchdog() async throws {
        try await World.with { world in
            try world.declare("web")
            let keeper = try await keep(world, extra: ["HEROPROC_WATCHDOG": "4"])
            let (web, first) = (try await world.life("web", number: 1), try #require(world.reconciler))
            // Nothing happens for longer than it may say nothing.
            let begin = boottime()
            try await eventually("time goes by") { boottime() - begin > 6_000_000_000 }
            #expect(world.reconciler == first && world.text(keeper.err).contains("killed") == false)

            #expect(kill(first, SIGSTOP) == 0)
            try await eventually("another one is there", within: 40) { world.reconciler.map { $0 != first } ?? false }
            let said = world.text(keeper.err)
            #expect(said.contains("the reconciler has not said anything for 4 s; it is killed\n"), "\(said)")
            #expect(said.contains("was ended by signal 9; it is started again in 200 ms"), "\(said)")
            #expect(world.keeper == keeper.pid)
            #expect(try await world.life("web", number: 1) == web)
            // The new one does what the first one did.
            #expect(kill(web.pid, SIGKILL) == 0)
            _ = try await world.life("web", number: 2)
        }
    }

    @Test("SH-16: HEROPROC_WATCHDOG=0 lets a stopped reconciler be, as a debugger wants it")
    func withoutWatchdog() async throws {
        try await World.with { world in
            _ = try await keep(world, extra: ["HEROPROC_WATCHDOG": "0"])
            let pid = try #require(world.reconciler)
            #expect(kill(pid, SIGSTOP) == 0)
            let begin = boottime()
            try await eventually("time goes by") { boottime() - begin > 2_000_000_000 }
            #expect(world.reconciler == pid && isAlive(pid))
            #expect(kill(pid, SIGCONT) == 0)
        }
    }

    @Test("it leaves with the code of a reconciler that leaves by itself, and does not start that one again")
    func leaves() async throws {
        try await World.with { world in
            try world.declare("web")
            let keeper = try await keep(world)
            // Another one is refused, kept or not.
            let second = try world.start(["reconcile", "--watch", "--keep"])
            #expect(try await world.code(of: second) == 2)
            #expect(world.text(second.err).contains("cannot reconcile"), "\(world.text(second.err))")
            #expect(!world.text(second.err).contains("started again"))
            // One that cannot even begin is not tried again either: somebody waits for the answer.
            let nowhere = try world.start(["reconcile", "--watch", "--keep", "--state", "/proc/nowhere"])
            #expect(try await world.code(of: nowhere) == 2)
            #expect(world.text(nowhere.err).contains("error: cannot "), "\(world.text(nowhere.err))")
            // Asked directly, the reconciler leaves, and its keeper with it.
            #expect(kill(try #require(world.reconciler), SIGINT) == 0)
            #expect(try await world.code(of: keeper) == 0)
        }
    }

    @Test("the reconciler that apply starts is kept: it comes back, heals what died meanwhile, and leaves after down")
    func background() async throws {
        try await World.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.life("web")
            let keeper = try #require(world.keeper)
            try await crash(world)
            #expect(world.keeper == keeper)
            let status = try await world.run("status", "-o", "json").json["reconciler"] as? [String: Any]
            #expect(status?["alive"] as? Bool == true && status?["mode"] as? String == "background")
            #expect(kill(web.pid, SIGKILL) == 0)
            let healed = try await world.life("web", number: 2)
            #expect(healed.job == web.job)
            try await world.expectNoDifference()
            #expect(try await world.run("down").code == 0)
            try await eventually("both have left") { world.reconciler == nil && !isAlive(keeper) }
        }
    }

    @Test("down holds although the reconciler crashes afterwards; the next apply brings all up again")
    func staysDown() async throws {
        try await World.with { world in
            try world.declare("web")
            let keeper = try await keep(world)
            _ = try await world.life("web")
            #expect(try await world.run("down").code == 0)
            try await crash(world)
            try world.declare("more")
            try await world.apply()
            #expect(world.lives("web").count == 2 && world.lives("more").count == 1)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            let actors = history.reversed().map { $0["actor"] as? String ?? "" }
            #expect(actors.first == "reconciler" && actors.count == 3)
            #expect(actors.last != "reconciler", "the one after the crash brought nothing up by itself: \(actors)")
            #expect(world.keeper == keeper.pid)
        }
    }

    @Test("a reconciler that crashes while it takes all down is followed by one that goes on with that (P1-2)")
    func crashWhileLeaving() async throws {
        try await World.with { world in
            let go = world.root + "/go"
            try world.declare("db")
            try world.declare(
                "web",
                "requires: [db]",
                does: .process("ignore-term wait-for \(go) exit 0", "stop: {timeout: 80s}")
            )
            let keeper = try await keep(world, "--down-on-exit")
            _ = try await world.life("web")
            #expect(kill(keeper.pid, SIGTERM) == 0)
            try await eventually("web was asked to end") { world.lives("web").first?.asked != nil }
            try await crash(world)
            #expect(world.lives("db").allSatisfy { $0.asked == nil }, "db waits for web")
            try Data().write(to: URL(fileURLWithPath: go))
            #expect(try await world.code(of: keeper) == 0)
            let (db, web) = (try #require(world.lives("db").first), try #require(world.lives("web").first))
            #expect(try #require(web.ended) < db.asked ?? 0)
            #expect(world.lives("db").count == 1 && world.lives("web").count == 1)
        }
    }
}

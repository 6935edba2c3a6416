import Foundation
import Glibc
import HeroLinux
import Testing

/// A reconciler that crashes again and again by itself (reliability.md CR-6).
///
/// The crash is a failpoint that fires as long as one file is there: `HEROPROC_FP_WHILE`.
@Suite("Safe mode", .serialized)
struct SafeModeTests {
    /// What the reconciler says of itself in `status`.
    private func reconciler(_ world: World) async throws -> [String: Any] {
        try await world.run("status", "-o", "json").json["reconciler"] as? [String: Any] ?? [:]
    }

    /// Waits until a live reconciler works like this.
    private func isThere(_ world: World, _ mode: String, within seconds: Int = 40) async throws {
        try await eventually("one lives that is \(mode)", within: seconds) {
            let reconciler = try await reconciler(world)
            return reconciler["mode"] as? String == mode && (reconciler["safe_mode"] is String) == (mode == "safe")
        }
    }

    /// How often a keeper has seen its reconciler crash by itself.
    private func crashes(_ text: String) -> Int {
        text.matches(of: /was ended by signal (4|5);/).count
    }

    /// Declares two quiet services and one whose program ends again and again, and has a kept reconciler watch them; the file `poison.yaml`
    /// crashes it where it has read it.
    private func house(_ world: World) async throws -> (keeper: World.Running, lives: [Life]) {
        try world.declare("db")
        try world.declare("web", "requires: [db]", does: .process("sleep -1", "retry: {delay: 10ms}"))
        try world.declare("loop", does: .process("wait 100 exit 1", "retry: {delay: 200ms, max_delay: 200ms}"))
        let keeper = try world.start(
            ["reconcile", "--watch", "--keep"],
            extra: ["HEROPROC_FP": "FP-MF-1=panic", "HEROPROC_FP_WHILE": world.services + "/poison.yaml"]
        )
        let lives = [try await world.life("db", number: 1), try await world.life("web", number: 1)]
        try await isThere(world, "watch")
        return (keeper, lives)
    }

    @Test(
        "CR-6: after three crashes over a manifest, services go on and are restarted, applies are refused and say why; it ends with the poison"
    )
    func poisonedManifest() async throws {
        try await World.with { world in
            let (keeper, before) = try await house(world)
            let begin = ContinuousClock.now
            try world.declare("poison")
            try await isThere(world, "safe")
            TestSettings.reportRow([
                "row": "CR-6 poisoned manifest", "cycles": "1",
                "slowest": "\(Int((ContinuousClock.now - begin) / .milliseconds(1))) ms", "verdict": "safe mode",
            ])
            #expect(crashes(world.text(keeper.err)) == 3, "\(world.text(keeper.err))")
            let safe = try #require(world.reconciler)

            // What runs does not notice; what dies is started again in its job, and so is what keeps dying.
            #expect(try await world.life("db", number: 1) == before[0])
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let web = try await world.life("web", number: 2)
            #expect(web.job == before[1].job)
            let loops = world.lives("loop").count
            try await eventually("the one that keeps ending is tried again") { world.lives("loop").count > loops + 1 }
            #expect(Set(world.lives("loop").map(\.job)).count == 1)

            try await refusesApply(world)
            try await saysWhy(world)
            #expect(world.lives("poison").isEmpty)
            #expect(world.reconciler == safe && world.keeper == keeper.pid, "none of that ends it")

            world.remove("poison")
            try await isThere(world, "watch")
            _ = try await world.event("info", "safe mode is over: something has changed in \(world.services)")
            #expect(try await world.life("db", number: 1) == before[0])
            #expect(try await world.life("web", number: 2) == web)
            try world.declare("loop")
            try world.declare("more")
            _ = try await world.life("more", number: 1)
            try await eventually("all of it is done") { try await world.run("diff").code == 0 }
            #expect(crashes(world.text(keeper.err)) == 3 && world.keeper == keeper.pid)
        }
    }

    private func refusesApply(_ world: World) async throws {
        let answer = try await world.run("apply")
        #expect(answer.code == 2)
        let words = [
            "Refused: nothing was changed", "safe mode: the reconciler crashed 3 times within a minute", "SIG",
        ]
        for word in words { #expect(answer.err.contains(word), "\(answer.err)") }
        let json = try await world.run("apply", "-o", "json")
        #expect(json.code == 2 && json.json["revision"] is NSNull)
        let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
        #expect(history.count == 1)
    }

    private func saysWhy(_ world: World) async throws {
        _ = try await world.event(
            "error",
            "safe mode: the reconciler crashed 3 times",
            "anything changes in \(world.services)"
        )
        let status = try await world.run("status")
        #expect(status.out.contains("\nSafe mode: ") && status.out.contains("crashed 3 times"), "\(status.out)")
        let doctor = try await world.run("doctor")
        #expect(doctor.out.contains("is in safe mode"), "\(doctor.out)")
    }

    @Test("CR-6: where the poison stays, another change leads there and back, and still no service notices")
    func poisonStays() async throws {
        try await World.with { world in
            let (keeper, before) = try await house(world)
            try world.declare("poison")
            try await isThere(world, "safe")
            try world.declare("more")
            try await eventually("it crashed three more times", within: 40) { crashes(world.text(keeper.err)) == 6 }
            try await isThere(world, "safe")
            #expect(try await world.life("db", number: 1) == before[0])
            #expect(try await world.life("web", number: 1) == before[1])
            #expect(world.lives("more").isEmpty)
            // A down needs nothing new.
            #expect(try await world.run("down").code == 0)
            #expect(!isAlive(before[0].pid) && !isAlive(before[1].pid))
            world.remove("poison")
            try await isThere(world, "watch")
            #expect(world.lives("web").count == 1, "nobody has brought it up again")
        }
    }

    @Test(
        "CR-6: a reconciler that crashes at its start, in safe mode too, is tried for ever; services go on and are then healed"
    )
    func crashAtStart() async throws {
        try await World.with { world in
            try world.declare("db")
            try world.declare("web", does: .process("sleep -1", "retry: {delay: 10ms}"))
            let poison = world.root + "/poison"
            let extra = ["HEROPROC_FP": "FP-LK-1=panic", "HEROPROC_FP_WHILE": poison]
            #expect(try await world.run("apply", extra: extra).code == 0)
            let before = [try await world.life("db", number: 1), try await world.life("web", number: 1)]
            let keeper = try #require(world.keeper)
            try Data().write(to: URL(fileURLWithPath: poison))
            #expect(kill(try #require(world.reconciler), SIGKILL) == 0)
            let log = world.paths.reconcilerLog
            try await eventually("safe mode has crashed, too", within: 60) { crashes(world.text(log)) >= 5 }
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(isAlive(before[0].pid) && isAlive(keeper))
            unlink(poison)
            let web = try await world.life("web", number: 2)
            #expect(web.job == before[1].job)
            #expect(try await world.life("db", number: 1) == before[0])
            // It may have been the turn of safe mode: a change ends that.
            try world.declare("more")
            try await eventually("an apply is taken", within: 40) { try await world.run("apply").code == 0 }
            #expect(world.keeper == keeper)
            try await world.expectNoDifference()
        }
    }

    @Test("CR-6: who is killed from outside has not crashed by itself: no safe mode")
    func killed() async throws {
        try await World.with { world in
            let (keeper, before) = try await house(world)
            for _ in 0..<3 {
                let pid = try #require(world.reconciler)
                #expect(kill(pid, SIGKILL) == 0)
                try await eventually("another one is there", within: 40) { world.reconciler.map { $0 != pid } ?? false }
            }
            try await isThere(world, "watch")
            #expect(try await world.events().allSatisfy { !($0["text"] as? String ?? "").contains("safe mode") })
            try world.declare("more")
            _ = try await world.life("more", number: 1)
            #expect(try await world.life("db", number: 1) == before[0])
            #expect(world.keeper == keeper.pid && !world.text(keeper.err).contains("safe mode"))
        }
    }
}

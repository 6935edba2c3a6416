import Foundation
import Testing

/// The order of stopping, by the oracles' own clocks.
@Suite("Stop waves", .serialized)
struct StopTests {
    /// db <- seed <- web, db <- worker; metrics is only ordered after web.
    private func declareHouse(_ world: World, db: String = "status: start") throws {
        try world.declare("db", db, does: .process("linger 50"))
        try world.declare("seed", "requires: [db]", does: .once("exit 0"))
        try world.declare("web", "requires: [db, seed]", does: .process("linger 50"))
        try world.declare("worker", "requires: [db]", does: .process("linger 50"))
        try world.declare("metrics", "after: [web]")
    }

    /// Expects that each was asked to end only when all its dependents had ended.
    private func expectOrder(_ world: World, _ service: String, after dependents: String..., instance: Int = 0) throws {
        let asked = try #require(world.lives(service)[instance].asked)
        for dependent in dependents {
            let life = world.lives(dependent)[instance]
            #expect(try #require(life.ended) < asked, "\(dependent) ends before \(service) is asked to")
        }
    }

    @Test("status: stop stops the dependents first, as diff has shown; set back, all return in start order")
    func stopAndBack() async throws {
        try await World.with { world in
            try declareHouse(world)
            try await world.apply()
            let metrics = try await world.life("metrics", number: 1)
            try declareHouse(world, db: "status: stop")
            let stops = try await world.waves("stop_waves")
            #expect(stops.last == ["core/db"])
            #expect(stops.dropLast().joined().sorted() == ["core/seed", "core/web", "core/worker"])
            let place = { name in stops.firstIndex { $0.contains(name) } ?? -1 }
            #expect(place("core/web") < place("core/seed"))

            try await world.apply()
            try expectOrder(world, "db", after: "web", "worker")
            // The events tell it in the same order.
            let texts = try await world.events().map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
            let ended = { (name: String) in texts.lastIndex(of: "core/\(name) stopped") }
            let stopping = try #require(texts.lastIndex(of: "core/db stopping"))
            for name in ["web", "seed", "worker"] { #expect(try #require(ended(name)) < stopping) }
            #expect(try #require(ended("db")) > stopping)
            for name in ["db", "web", "worker"] { #expect(!isAlive(world.lives(name)[0].pid)) }
            #expect(try await world.life("metrics", number: 1) == metrics, "what is only ordered after is not touched")
            try await world.expectNoDifference()

            try declareHouse(world)
            #expect(try await world.waves("start_waves").first == ["core/db"])
            try await world.apply()
            let db = try await world.life("db", number: 2)
            let seed = try #require(world.lives("seed").last)
            let web = try await world.life("web", number: 2)
            let worker = try await world.life("worker", number: 2)
            #expect(seed.began > db.began && worker.began > db.began)
            #expect(web.began > seed.ended ?? .max)
            #expect(try await world.life("metrics", number: 1) == metrics)
            try await world.expectNoDifference()
        }
    }

    @Test("what left the files still stops in the order it was started by")
    func recordedDependencies() async throws {
        try await World.with { world in
            try declareHouse(world)
            try world.declare("other")
            try await world.apply()
            let other = try await world.life("other", number: 1)
            for name in ["db", "seed", "web", "worker", "metrics"] { world.remove(name) }
            try await world.apply()
            try expectOrder(world, "db", after: "web", "worker")
            #expect(!isAlive(world.lives("metrics")[0].pid))
            #expect(try await world.life("other", number: 1) == other)
            try await world.expectNoDifference()
        }
    }

    @Test("what is no longer declared is stopped; nothing else is touched")
    func undeclared() async throws {
        try await World.with { world in
            try world.declare("kept")
            try world.declare("gone")
            try await world.apply()
            let kept = try await world.life("kept")
            world.remove("gone")
            #expect(try await world.waves("stop_waves") == [["core/gone"]])
            try await world.apply()
            #expect(world.lives("gone").last?.end == .exit(code: 0))
            #expect(try await world.life("kept") == kept)
        }
    }

    @Test("--no-prune holds for as long as its revision does: through later plans, and for the next reconciler")
    func keptUndeclared() async throws {
        try await World.with { world in
            try world.declare("a", does: .process())
            try world.declare("gone", does: .process())
            try await world.apply()
            let gone = try await world.life("gone")

            world.remove("gone")
            try world.declare("a", "generation: 1", does: .process())
            #expect(try await world.run("apply", "--no-prune").code == 0)
            _ = try await world.life("a", number: 2)
            #expect(isAlive(gone.pid))
            try await world.killReconciler()
            #expect(try await world.run("apply", "--no-prune").code == 0)
            #expect(isAlive(gone.pid))
            #expect(try await world.run("diff", "--no-prune").code == 0)

            #expect(try await world.run("diff").code == 1)
            try await world.apply()
            #expect(!isAlive(gone.pid))
        }
    }

    @Test("status: ignore is hands off: neither started, nor stopped, nor drift, by apply and by down")
    func ignored() async throws {
        try await World.with { world in
            try world.declare("running")
            try world.declare("never", "status: ignore")
            try await world.apply()
            let running = try await world.life("running")
            try world.declare("running", "status: ignore")
            try await world.apply()
            #expect(try await world.run("down", "--all").code == 0)
            #expect(try await world.life("running", number: 1) == running)
            #expect(world.lives("never").isEmpty)
            try await world.expectNoDifference()
            // The operator's word again, so that it is taken down at the end.
            try world.declare("running", "status: stop")
            try await world.apply()
            #expect(!isAlive(running.pid))
        }
    }

    @Test("who ignores SIGTERM is killed after its timeout, with all its tree (TR)")
    func stubborn() async throws {
        try await World.with { world in
            try world.declare("mule", does: .process("ignore-term fork 2 daemonize", "stop: {timeout: 400ms}"))
            try await world.apply()
            try await eventually("its children live") { world.lives("mule").first?.children.count == 3 }
            let mule = try await world.life("mule")
            #expect(mule.children.allSatisfy(isAlive))
            let began = boottime()
            let answer = try await world.run("down")
            #expect(answer.code == 0, "\(answer.out)\(answer.err)")
            let took = (boottime() - began) / 1_000_000
            #expect(took >= 400 && took < 10_000, "took \(took) ms")
            #expect(world.lives("mule").first?.asked ?? 0 > began, "it was asked first")
            #expect(!isAlive(mule.pid) && !mule.children.contains(where: isAlive))
        }
    }

    @Test("down leaves system services alone unless --all says so, and the next apply brings all back")
    func systemServices() async throws {
        try await World.with { world in
            try world.declare("db", "class: system")
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let db = try await world.life("db")
            #expect(try await world.run("down").code == 0)
            #expect(try await world.life("db") == db)
            #expect(world.lives("web").last?.end == .exit(code: 0))
            #expect(try await world.run("down", "--all").code == 0)
            #expect(world.lives("db").last?.end == .exit(code: 0))
            try await world.apply()
            _ = try await world.life("db", number: 2)
            _ = try await world.life("web", number: 2)
        }
    }
}

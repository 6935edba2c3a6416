import Foundation
import Testing

/// The order of stopping, by the oracles' own clocks.
@Suite("Stop waves", .serialized)
struct StopOrderTests {
    /// db <- seed <- web, db <- worker; metrics is only ordered after web.
    private func declareServices(_ world: TestHost, db: String = "status: start") throws {
        try world.declare("db", db, actions: .process("linger 50"))
        try world.declare("seed", "requires: [db]", actions: .oneShot("exit 0"))
        try world.declare("web", "requires: [db, seed]", actions: .process("linger 50"))
        try world.declare("worker", "requires: [db]", actions: .process("linger 50"))
        try world.declare("metrics", "after: [web]")
    }

    /// Expects that each was asked to end only when all its dependents had ended.
    private func expectOrder(_ world: TestHost, _ service: String, after dependents: String..., instance: Int = 0)
        throws
    {
        let asked = try #require(world.instances(service)[instance].stopRequestedAt)
        for dependent in dependents {
            let life = world.instances(dependent)[instance]
            #expect(try #require(life.endedAt) < asked, "\(dependent) ends before \(service) is asked to")
        }
    }

    @Test("status: stop stops the dependents first, as diff has shown; set back, all return in start order")
    func stopAndBack() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try await world.apply()
            let metrics = try await world.runningInstance("metrics", number: 1)
            try declareServices(world, db: "status: stop")
            let stops = try await world.plannedWaves("stop_waves")
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
            for name in ["db", "web", "worker"] { #expect(!isAlive(world.instances(name)[0].pid)) }
            #expect(
                try await world.runningInstance("metrics", number: 1) == metrics,
                "what is only ordered after is not touched"
            )
            try await world.expectEmptyDiff()

            try declareServices(world)
            #expect(try await world.plannedWaves("start_waves").first == ["core/db"])
            try await world.apply()
            let db = try await world.runningInstance("db", number: 2)
            let seed = try #require(world.instances("seed").last)
            let web = try await world.runningInstance("web", number: 2)
            let worker = try await world.runningInstance("worker", number: 2)
            #expect(seed.startedAt > db.startedAt && worker.startedAt > db.startedAt)
            #expect(web.startedAt > seed.endedAt ?? .max)
            #expect(try await world.runningInstance("metrics", number: 1) == metrics)
            try await world.expectEmptyDiff()
        }
    }

    @Test("what left the files still stops in the order it was started by")
    func recordedDependencies() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try world.declare("other")
            try await world.apply()
            let other = try await world.runningInstance("other", number: 1)
            for name in ["db", "seed", "web", "worker", "metrics"] { world.removeManifest(name) }
            try await world.apply()
            try expectOrder(world, "db", after: "web", "worker")
            #expect(!isAlive(world.instances("metrics")[0].pid))
            #expect(try await world.runningInstance("other", number: 1) == other)
            try await world.expectEmptyDiff()
        }
    }

    @Test("what is no longer declared is stopped; nothing else is touched")
    func undeclaredServiceIsStopped() async throws {
        try await TestHost.with { world in
            try world.declare("kept")
            try world.declare("gone")
            try await world.apply()
            let kept = try await world.runningInstance("kept")
            world.removeManifest("gone")
            #expect(try await world.plannedWaves("stop_waves") == [["core/gone"]])
            try await world.apply()
            #expect(world.instances("gone").last?.end == .exit(code: 0))
            #expect(try await world.runningInstance("kept") == kept)
        }
    }

    @Test("--no-prune holds for as long as its revision does: through later plans, and for the next reconciler")
    func noPruneHolds() async throws {
        try await TestHost.with { world in
            try world.declare("a", actions: .process())
            try world.declare("gone", actions: .process())
            try await world.apply()
            let gone = try await world.runningInstance("gone")

            world.removeManifest("gone")
            try world.declare("a", "generation: 1", actions: .process())
            #expect(try await world.run("apply", "--no-prune").exitCode == 0)
            _ = try await world.runningInstance("a", number: 2)
            #expect(isAlive(gone.pid))
            try await world.killReconciler()
            #expect(try await world.run("apply", "--no-prune").exitCode == 0)
            #expect(isAlive(gone.pid))
            #expect(try await world.run("diff", "--no-prune").exitCode == 0)

            #expect(try await world.run("diff").exitCode == 1)
            try await world.apply()
            #expect(!isAlive(gone.pid))
        }
    }

    @Test("status: ignore is hands off: neither started, nor stopped, nor drift, by apply and by down")
    func ignoredServices() async throws {
        try await TestHost.with { world in
            try world.declare("running")
            try world.declare("never", "status: ignore")
            try await world.apply()
            let running = try await world.runningInstance("running")
            try world.declare("running", "status: ignore")
            try await world.apply()
            #expect(try await world.run("down", "--all").exitCode == 0)
            #expect(try await world.runningInstance("running", number: 1) == running)
            #expect(world.instances("never").isEmpty)
            try await world.expectEmptyDiff()
            // The operator's word again, so that it is taken down at the end.
            try world.declare("running", "status: stop")
            try await world.apply()
            #expect(!isAlive(running.pid))
        }
    }

    @Test("who ignores SIGTERM is killed after its timeout, with all its tree (TR)")
    func stopTimeoutKillsTheTree() async throws {
        try await TestHost.with { world in
            try world.declare("mule", actions: .process("ignore-term fork 2 daemonize", "stop: {timeout: 400ms}"))
            try await world.apply()
            try await eventually("its children live") { world.instances("mule").first?.children.count == 3 }
            let mule = try await world.runningInstance("mule")
            #expect(mule.children.allSatisfy(isAlive))
            let began = bootTime()
            let answer = try await world.run("down")
            #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
            let took = (bootTime() - began) / 1_000_000
            #expect(took >= 400 && took < 10_000, "took \(took) ms")
            #expect(world.instances("mule").first?.stopRequestedAt ?? 0 > began, "it was asked first")
            #expect(!isAlive(mule.pid) && !mule.children.contains(where: isAlive))
        }
    }

    @Test("down leaves system services alone unless --all says so, and the next apply brings all back")
    func systemServices() async throws {
        try await TestHost.with { world in
            try world.declare("db", "class: system")
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let db = try await world.runningInstance("db")
            #expect(try await world.run("down").exitCode == 0)
            #expect(try await world.runningInstance("db") == db)
            #expect(world.instances("web").last?.end == .exit(code: 0))
            #expect(try await world.run("down", "--all").exitCode == 0)
            #expect(world.instances("db").last?.end == .exit(code: 0))
            try await world.apply()
            _ = try await world.runningInstance("db", number: 2)
            _ = try await world.runningInstance("web", number: 2)
        }
    }
}

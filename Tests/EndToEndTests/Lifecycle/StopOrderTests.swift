import Foundation
import Testing

/// The order of stops, by the clocks of the oracles.
@Suite("Stop order", .serialized)
struct StopOrderTests {
    /// db <- seed <- web, db <- worker; metrics is only ordered after web.
    private func declareServices(_ host: TestHost, db: String = "status: start") throws {
        try host.declare("db", db, actions: .process("linger 50"))
        try host.declare("seed", "requires: [db]", actions: .oneShot("exit 0"))
        try host.declare("web", "requires: [db, seed]", actions: .process("linger 50"))
        try host.declare("worker", "requires: [db]", actions: .process("linger 50"))
        try host.declare("metrics", "after: [web]")
    }

    /// Expects that the service received its stop signal after all its dependents had ended.
    private func expectOrder(_ host: TestHost, _ service: String, after dependents: String..., instance: Int = 0)
        throws
    {
        let stopRequestedAt = try #require(host.instances(service)[instance].stopRequestedAt)
        for dependent in dependents {
            let instance = host.instances(dependent)[instance]
            #expect(
                try #require(instance.endedAt) < stopRequestedAt,
                "\(service) was stopped before the end of \(dependent)"
            )
        }
    }

    @Test("A changed status: stop stops dependents first, as shown by diff")
    func stopAndBack() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try await host.apply()
            let metrics = try await host.runningInstance("metrics", number: 1)
            try declareServices(host, db: "status: stop")
            let stops = try await host.plannedWaves("stop_waves")
            #expect(stops.last == ["core/db"])
            #expect(stops.dropLast().joined().sorted() == ["core/seed", "core/web", "core/worker"])
            let waveIndex = { name in stops.firstIndex { $0.contains(name) } ?? -1 }
            #expect(waveIndex("core/web") < waveIndex("core/seed"))

            try await host.apply()
            try expectOrder(host, "db", after: "web", "worker")
            // The events show the same order.
            let texts = try await host.events().map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
            let ended = { (name: String) in texts.lastIndex(of: "core/\(name) stopped") }
            let stopping = try #require(texts.lastIndex(of: "core/db stopping"))
            for name in ["web", "seed", "worker"] { #expect(try #require(ended(name)) < stopping) }
            #expect(try #require(ended("db")) > stopping)
            for name in ["db", "web", "worker"] { #expect(!isAlive(host.instances(name)[0].pid)) }
            #expect(
                try await host.runningInstance("metrics", number: 1) == metrics,
                "a service that is only ordered after is not touched"
            )
            try await host.expectEmptyDiff()

            try declareServices(host)
            #expect(try await host.plannedWaves("start_waves").first == ["core/db"])
            try await host.apply()
            let db = try await host.runningInstance("db", number: 2)
            let seed = try #require(host.instances("seed").last)
            let web = try await host.runningInstance("web", number: 2)
            let worker = try await host.runningInstance("worker", number: 2)
            #expect(seed.startedAt > db.startedAt && worker.startedAt > db.startedAt)
            #expect(web.startedAt > seed.endedAt ?? .max)
            #expect(try await host.runningInstance("metrics", number: 1) == metrics)
            try await host.expectEmptyDiff()
        }
    }

    @Test("Services removed from the files stop in their recorded order")
    func recordedDependencies() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try host.declare("other")
            try await host.apply()
            let other = try await host.runningInstance("other", number: 1)
            for name in ["db", "seed", "web", "worker", "metrics"] { host.removeManifest(name) }
            try await host.apply()
            try expectOrder(host, "db", after: "web", "worker")
            #expect(!isAlive(host.instances("metrics")[0].pid))
            #expect(try await host.runningInstance("other", number: 1) == other)
            try await host.expectEmptyDiff()
        }
    }

    @Test("A service that is no longer declared is stopped alone")
    func undeclaredServiceIsStopped() async throws {
        try await TestHost.with { host in
            try host.declare("kept")
            try host.declare("gone")
            try await host.apply()
            let kept = try await host.runningInstance("kept")
            host.removeManifest("gone")
            #expect(try await host.plannedWaves("stop_waves") == [["core/gone"]])
            try await host.apply()
            #expect(host.instances("gone").last?.end == .exit(code: 0))
            #expect(try await host.runningInstance("kept") == kept)
        }
    }

    @Test("The option --no-prune holds for its revision, also for the next reconciler")
    func noPruneHolds() async throws {
        try await TestHost.with { host in
            try host.declare("a", actions: .process())
            try host.declare("gone", actions: .process())
            try await host.apply()
            let gone = try await host.runningInstance("gone")

            host.removeManifest("gone")
            try host.declare("a", "generation: 1", actions: .process())
            #expect(try await host.run("apply", "--no-prune").exitCode == 0)
            _ = try await host.runningInstance("a", number: 2)
            #expect(isAlive(gone.pid))
            try await host.killReconciler()
            #expect(try await host.run("apply", "--no-prune").exitCode == 0)
            #expect(isAlive(gone.pid))
            #expect(try await host.run("diff", "--no-prune").exitCode == 0)

            #expect(try await host.run("diff").exitCode == 1)
            try await host.apply()
            #expect(!isAlive(gone.pid))
        }
    }

    @Test("A service with status ignore is neither started nor stopped")
    func ignoredServices() async throws {
        try await TestHost.with { host in
            try host.declare("running")
            try host.declare("never", "status: ignore")
            try await host.apply()
            let running = try await host.runningInstance("running")
            try host.declare("running", "status: ignore")
            try await host.apply()
            #expect(try await host.run("down", "--all").exitCode == 0)
            #expect(try await host.runningInstance("running", number: 1) == running)
            #expect(host.instances("never").isEmpty)
            try await host.expectEmptyDiff()
            // Sets the status back so that the test host can stop the service at the end.
            try host.declare("running", "status: stop")
            try await host.apply()
            #expect(!isAlive(running.pid))
        }
    }

    @Test("A service that ignores SIGTERM is killed with its tree (TR)")
    func stopTimeoutKillsTheTree() async throws {
        try await TestHost.with { host in
            try host.declare("mule", actions: .process("ignore-term fork 2 daemonize", "stop: {timeout: 400ms}"))
            try await host.apply()
            try await eventually("the children run") { host.instances("mule").first?.children.count == 3 }
            let mule = try await host.runningInstance("mule")
            #expect(mule.children.allSatisfy(isAlive))
            let began = bootTime()
            let result = try await host.run("down")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            let took = (bootTime() - began) / 1_000_000
            #expect(took >= 400 && took < 10_000, "took \(took) ms")
            #expect(host.instances("mule").first?.stopRequestedAt ?? 0 > began, "SIGTERM was sent first")
            #expect(!isAlive(mule.pid) && !mule.children.contains(where: isAlive))
        }
    }

    @Test("Down stops system services only with --all")
    func systemServices() async throws {
        try await TestHost.with { host in
            try host.declare("db", "class: system")
            try host.declare("web", "requires: [db]")
            try await host.apply()
            let db = try await host.runningInstance("db")
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await host.runningInstance("db") == db)
            #expect(host.instances("web").last?.end == .exit(code: 0))
            #expect(try await host.run("down", "--all").exitCode == 0)
            #expect(host.instances("db").last?.end == .exit(code: 0))
            try await host.apply()
            _ = try await host.runningInstance("db", number: 2)
            _ = try await host.runningInstance("web", number: 2)
        }
    }
}

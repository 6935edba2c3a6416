import Foundation
import Testing

/// What an edit costs.
@Suite("Changes", .serialized)
struct ManifestChangeTests {
    private func declareServices(_ world: TestHost) throws {
        try world.declare("db")
        try world.declare("web", "requires: [db]")
        try world.declare("other")
    }

    /// The lives that go on now, by service.
    private func currentInstances(_ world: TestHost) async throws -> [String: OracleInstance] {
        var lives: [String: OracleInstance] = [:]
        for name in ["db", "web", "other"] { lives[name] = try await world.runningInstance(name) }
        return lives
    }

    @Test(
        "diff right after apply is empty, exit 0; comments, the order of keys and spelled-out defaults change nothing"
    )
    func equivalentManifestsAreNoChange() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            #expect(try await world.run("diff").exitCode == 1)
            try await world.apply()
            let before = try await currentInstances(world)
            try await world.expectEmptyDiff()

            let plain = world.readText("\(world.servicesDirectory)/web.yaml")
            try world.writeManifest("web.yaml", "# a comment\n\n" + plain.replacing("\n", with: " # and another\n"))
            try await world.expectEmptyDiff()
            let env = "env: {ORACLE_DIR: \(world.traceDirectory)}"
            let action = """
                actions:
                  - is_process: true
                    exec: ["\(TestHost.oraclePath)", 'sleep', "-1"]
                    name: run
                """
            try world.writeManifest("web.yaml", "\(action)\n\(env)\nrequires:\n  - core/db\nname: web\nkind: Service\n")
            try await world.expectEmptyDiff()
            let defaults = """
                kind: Service
                context: core
                name: web
                class: user
                status: start
                required: false
                generation: 0
                start_order: listed
                wants: []
                requires: [db]
                \(env)
                actions:
                  - name: run
                    exec: ["\(TestHost.oraclePath)", sleep, "-1"]
                    is_process: true
                    start_timeout: 30s
                    stop: {signal: TERM, timeout: 10s}
                    restart: always
                    retry: {max_attempts: 0, delay: 500ms, factor: 2, max_delay: 30s, jitter: 0.1, stable_after: 10s}
                    log: {max_size: 10MiB, keep: 5}

                """
            try world.writeManifest("web.yaml", defaults.replacing("start_order: listed\n", with: ""))
            try await world.expectEmptyDiff()
            rename("\(world.servicesDirectory)/web.yaml", "\(world.servicesDirectory)/elsewhere.yml")
            try await world.expectEmptyDiff()
            try await world.apply()
            #expect(try await currentInstances(world) == before)
        }
    }

    @Test("a change that takes effect in place keeps every process")
    func changeInPlace() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try await world.apply()
            let before = try await currentInstances(world)
            try world.declare(
                "db",
                "tags: [storage]",
                actions: .process("sleep -1", "stop: {timeout: 3s}", "retry: {delay: 1s}", "log: {keep: 2}")
            )
            let diff = try await world.run("diff", "-o", "json")
            #expect(diff.exitCode == 1)
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/db" }
            #expect(change?["action"] as? String == "update")
            #expect((diff.json["stop_waves"] as? [[String]])?.isEmpty ?? false)
            try await world.apply()
            #expect(try await currentInstances(world) == before)
            try await world.expectEmptyDiff()
        }
    }

    @Test("a change of what is executed restarts that service and its dependents, nobody else")
    func changeThatRestarts() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try await world.apply()
            let before = try await currentInstances(world)
            try world.declare("db", actions: .process("sleep -1", "env: {MORE: '1'}"))
            let diff = try await world.run("diff")
            #expect(diff.exitCode == 1)
            #expect(diff.output.contains("MORE"), "\(diff.output)")
            try await world.apply()
            let after = try await currentInstances(world)
            #expect(after["other"] == before["other"])
            let (db, web) = (world.instances("db"), world.instances("web"))
            try #require(db.count == 2 && web.count == 2)
            #expect(try #require(db[0].stopRequestedAt) > web[0].endedAt ?? .max)
            #expect(web[1].startedAt > db[1].startedAt)
            #expect(db[1].job > db[0].job && db[1].restartCount == 0, "a new run has new jobs")
            try await world.expectEmptyDiff()

            // Of a dependent: the requirement stays.
            try world.declare("web", "requires: [db]", actions: .process("sleep -1", "env: {MORE: '1'}"))
            try await world.apply()
            #expect(world.instances("web").count == 3)
            #expect(try await world.runningInstance("db", number: 2) == db[1])
        }
    }

    @Test("a generation that was raised restarts, with nothing else changed; that of an action, too")
    func raisedGeneration() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try await world.apply()
            try world.declare("web", "requires: [db]", "generation: 1")
            let diff = try await world.run("diff", "-o", "json")
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/web" }
            #expect((change?["reason"] as? [String: Any])?["code"] as? String == "generation_raised")
            try await world.apply()
            _ = try await world.runningInstance("web", number: 2)
            try world.declare("web", "requires: [db]", "generation: 1", actions: .process("sleep -1", "generation: 7"))
            try await world.apply()
            _ = try await world.runningInstance("web", number: 3)
            #expect(world.instances("db").count == 1 && world.instances("other").count == 1)
        }
    }

    @Test("a mistake anywhere refuses the whole set: nothing is changed, and what runs goes on")
    func invalidManifestRefusesAll() async throws {
        try await TestHost.with { world in
            try declareServices(world)
            try await world.apply()
            let before = try await currentInstances(world)
            try world.declare("db", "generation: 1")
            try world.writeManifest(
                "web.yaml",
                "kind: Service\nname: web\nrequire: [db]\nactions: [{name: run, exec: [sleep]}]\n"
            )
            for command in ["validate", "diff", "apply"] {
                let answer = try await world.run(command)
                #expect(answer.exitCode == 2)
                let text = answer.output + answer.errorOutput
                #expect(
                    text.contains("web.yaml:3:1: error: unknown key `require`; did you mean `requires`?"),
                    "\(text)"
                )
            }
            #expect(try await currentInstances(world) == before)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }
}

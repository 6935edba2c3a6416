import Foundation
import Testing

/// What an edit costs.
@Suite("Changes", .serialized)
struct ChangeTests {
    private func declareHouse(_ world: World) throws {
        try world.declare("db")
        try world.declare("web", "requires: [db]")
        try world.declare("other")
    }

    /// The lives that go on now, by service.
    private func now(_ world: World) async throws -> [String: Life] {
        var lives: [String: Life] = [:]
        for name in ["db", "web", "other"] { lives[name] = try await world.life(name) }
        return lives
    }

    @Test(
        "diff right after apply is empty, exit 0; comments, the order of keys and spelled-out defaults change nothing"
    )
    func noChange() async throws {
        try await World.with { world in
            try declareHouse(world)
            #expect(try await world.run("diff").code == 1)
            try await world.apply()
            let before = try await now(world)
            try await world.expectNoDifference()

            let plain = world.text("\(world.services)/web.yaml")
            try world.write("web.yaml", "# a comment\n\n" + plain.replacing("\n", with: " # and another\n"))
            try await world.expectNoDifference()
            let env = "env: {ORACLE_DIR: \(world.traces)}"
            let action = """
                actions:
                  - is_process: true
                    exec: ["\(World.oracle)", 'sleep', "-1"]
                    name: run
                """
            try world.write("web.yaml", "\(action)\n\(env)\nrequires:\n  - core/db\nname: web\nkind: Service\n")
            try await world.expectNoDifference()
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
                    exec: ["\(World.oracle)", sleep, "-1"]
                    is_process: true
                    start_timeout: 30s
                    stop: {signal: TERM, timeout: 10s}
                    restart: always
                    retry: {max_attempts: 0, delay: 500ms, factor: 2, max_delay: 30s, jitter: 0.1, stable_after: 10s}
                    log: {max_size: 10MiB, keep: 5}

                """
            try world.write("web.yaml", defaults.replacing("start_order: listed\n", with: ""))
            try await world.expectNoDifference()
            rename("\(world.services)/web.yaml", "\(world.services)/elsewhere.yml")
            try await world.expectNoDifference()
            try await world.apply()
            #expect(try await now(world) == before)
        }
    }

    @Test("a change that takes effect in place keeps every process")
    func inPlace() async throws {
        try await World.with { world in
            try declareHouse(world)
            try await world.apply()
            let before = try await now(world)
            try world.declare(
                "db",
                "tags: [storage]",
                does: .process("sleep -1", "stop: {timeout: 3s}", "retry: {delay: 1s}", "log: {keep: 2}")
            )
            let diff = try await world.run("diff", "-o", "json")
            #expect(diff.code == 1)
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/db" }
            #expect(change?["action"] as? String == "update")
            #expect((diff.json["stop_waves"] as? [[String]])?.isEmpty ?? false)
            try await world.apply()
            #expect(try await now(world) == before)
            try await world.expectNoDifference()
        }
    }

    @Test("a change of what is executed restarts that service and its dependents, nobody else")
    func restart() async throws {
        try await World.with { world in
            try declareHouse(world)
            try await world.apply()
            let before = try await now(world)
            try world.declare("db", does: .process("sleep -1", "env: {MORE: '1'}"))
            let diff = try await world.run("diff")
            #expect(diff.code == 1)
            #expect(diff.out.contains("MORE"), "\(diff.out)")
            try await world.apply()
            let after = try await now(world)
            #expect(after["other"] == before["other"])
            let (db, web) = (world.lives("db"), world.lives("web"))
            try #require(db.count == 2 && web.count == 2)
            #expect(try #require(db[0].asked) > web[0].ended ?? .max)
            #expect(web[1].began > db[1].began)
            #expect(db[1].job > db[0].job && db[1].restarts == 0, "a new run has new jobs")
            try await world.expectNoDifference()

            // Of a dependent: the requirement stays.
            try world.declare("web", "requires: [db]", does: .process("sleep -1", "env: {MORE: '1'}"))
            try await world.apply()
            #expect(world.lives("web").count == 3)
            #expect(try await world.life("db", number: 2) == db[1])
        }
    }

    @Test("a generation that was raised restarts, with nothing else changed; that of an action, too")
    func generation() async throws {
        try await World.with { world in
            try declareHouse(world)
            try await world.apply()
            try world.declare("web", "requires: [db]", "generation: 1")
            let diff = try await world.run("diff", "-o", "json")
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/web" }
            #expect((change?["reason"] as? [String: Any])?["code"] as? String == "generation_raised")
            try await world.apply()
            _ = try await world.life("web", number: 2)
            try world.declare("web", "requires: [db]", "generation: 1", does: .process("sleep -1", "generation: 7"))
            try await world.apply()
            _ = try await world.life("web", number: 3)
            #expect(world.lives("db").count == 1 && world.lives("other").count == 1)
        }
    }

    @Test("a mistake anywhere refuses the whole set: nothing is changed, and what runs goes on")
    func refused() async throws {
        try await World.with { world in
            try declareHouse(world)
            try await world.apply()
            let before = try await now(world)
            try world.declare("db", "generation: 1")
            try world.write(
                "web.yaml",
                "kind: Service\nname: web\nrequire: [db]\nactions: [{name: run, exec: [sleep]}]\n"
            )
            for command in ["validate", "diff", "apply"] {
                let answer = try await world.run(command)
                #expect(answer.code == 2)
                let text = answer.out + answer.err
                #expect(
                    text.contains("web.yaml:3:1: error: unknown key `require`; did you mean `requires`?"),
                    "\(text)"
                )
            }
            #expect(try await now(world) == before)
            let history = try await world.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }
}

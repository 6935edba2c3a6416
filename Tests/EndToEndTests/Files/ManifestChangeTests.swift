import Foundation
import Testing

/// The effects of changed manifests.
@Suite("Changes of manifests", .serialized)
struct ManifestChangeTests {
    private func declareServices(_ host: TestHost) throws {
        try host.declare("db")
        try host.declare("web", "requires: [db]")
        try host.declare("other")
    }

    /// The running instances, by service.
    private func currentInstances(_ host: TestHost) async throws -> [String: OracleInstance] {
        var instances: [String: OracleInstance] = [:]
        for name in ["db", "web", "other"] { instances[name] = try await host.runningInstance(name) }
        return instances
    }

    @Test(
        "Comments, key order and explicit defaults cause no difference after an apply"
    )
    func equivalentManifestsAreNoChange() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            #expect(try await host.run("diff").exitCode == 1)
            try await host.apply()
            let before = try await currentInstances(host)
            try await host.expectEmptyDiff()

            let plain = host.readText("\(host.servicesDirectory)/web.yaml")
            try host.writeManifest("web.yaml", "# a comment\n\n" + plain.replacing("\n", with: " # and another\n"))
            try await host.expectEmptyDiff()
            let env = "env: {ORACLE_DIR: \(host.traceDirectory)}"
            let action = """
                actions:
                  - is_process: true
                    exec: ["\(TestHost.oraclePath)", 'sleep', "-1"]
                    name: run
                """
            try host.writeManifest("web.yaml", "\(action)\n\(env)\nrequires:\n  - core/db\nname: web\nkind: Service\n")
            try await host.expectEmptyDiff()
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
            try host.writeManifest("web.yaml", defaults.replacing("start_order: listed\n", with: ""))
            try await host.expectEmptyDiff()
            rename("\(host.servicesDirectory)/web.yaml", "\(host.servicesDirectory)/elsewhere.yml")
            try await host.expectEmptyDiff()
            try await host.apply()
            #expect(try await currentInstances(host) == before)
        }
    }

    @Test("A change that takes effect in place keeps every process")
    func changeInPlace() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try await host.apply()
            let before = try await currentInstances(host)
            try host.declare(
                "db",
                "tags: [storage]",
                actions: .process("sleep -1", "stop: {timeout: 3s}", "retry: {delay: 1s}", "log: {keep: 2}")
            )
            let diff = try await host.run("diff", "-o", "json")
            #expect(diff.exitCode == 1)
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/db" }
            #expect(change?["action"] as? String == "update")
            #expect((diff.json["stop_waves"] as? [[String]])?.isEmpty ?? false)
            let fields = change?["fields"] as? [[String: Any]] ?? []
            let log = fields.first { $0["path"] as? String == "actions.run.log.keep" }
            #expect(log?["cost"] as? String == "next_start")
            try await host.apply()
            _ = try await host.waitForEvent("info", "updated; actions.run.log.keep takes effect at the next start")
            #expect(try await currentInstances(host) == before)
            try await host.expectEmptyDiff()
        }
    }

    @Test("A changed command restarts only its service and the dependents")
    func changeThatRestarts() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try await host.apply()
            let before = try await currentInstances(host)
            try host.declare("db", actions: .process("sleep -1", "env: {MORE: '1'}"))
            let diff = try await host.run("diff")
            #expect(diff.exitCode == 1)
            #expect(diff.output.contains("MORE"), "\(diff.output)")
            try await host.apply()
            let after = try await currentInstances(host)
            #expect(after["other"] == before["other"])
            let (db, web) = (host.instances("db"), host.instances("web"))
            try #require(db.count == 2 && web.count == 2)
            #expect(try #require(db[0].stopRequestedAt) > web[0].endedAt ?? .max)
            #expect(web[1].startedAt > db[1].startedAt)
            #expect(db[1].job > db[0].job && db[1].restartCount == 0, "a new run has new jobs")
            try await host.expectEmptyDiff()

            // A changed dependent keeps its requirement running.
            try host.declare("web", "requires: [db]", actions: .process("sleep -1", "env: {MORE: '1'}"))
            try await host.apply()
            #expect(host.instances("web").count == 3)
            #expect(try await host.runningInstance("db", number: 2) == db[1])
        }
    }

    @Test("A raised generation of a service or action causes a restart")
    func raisedGeneration() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try await host.apply()
            try host.declare("web", "requires: [db]", "generation: 1")
            let diff = try await host.run("diff", "-o", "json")
            let changes = diff.json["changes"] as? [[String: Any]] ?? []
            let change = changes.first { $0["service"] as? String == "core/web" }
            #expect((change?["reason"] as? [String: Any])?["code"] as? String == "generation_raised")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
            try host.declare("web", "requires: [db]", "generation: 1", actions: .process("sleep -1", "generation: 7"))
            try await host.apply()
            _ = try await host.runningInstance("web", number: 3)
            #expect(host.instances("db").count == 1 && host.instances("other").count == 1)
        }
    }

    @Test("An error in one manifest refuses the whole set and changes nothing")
    func invalidManifestRefusesAll() async throws {
        try await TestHost.with { host in
            try declareServices(host)
            try await host.apply()
            let before = try await currentInstances(host)
            try host.declare("db", "generation: 1")
            try host.writeManifest(
                "web.yaml",
                "kind: Service\nname: web\nrequire: [db]\nactions: [{name: run, exec: [sleep]}]\n"
            )
            for command in ["validate", "diff", "apply"] {
                let result = try await host.run(command)
                #expect(result.exitCode == 2)
                let text = result.output + result.errorOutput
                #expect(
                    text.contains("web.yaml:3:1: error: unknown key `require`; did you mean `requires`?"),
                    "\(text)"
                )
            }
            #expect(try await currentInstances(host) == before)
            let history = try await host.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }
}

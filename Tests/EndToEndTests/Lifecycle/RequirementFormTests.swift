import Foundation
import Glibc
import Testing

/// Requirements with `until` and `cascade`, with real processes.
@Suite("Forms of requires", .serialized)
struct RequirementFormTests {
    @Test("With until: started a service starts while its requirement is not ready yet")
    func untilStarted() async throws {
        try await TestHost.with { host in
            let ready = host.root + "/ready"
            try host.declare("db", actions: slow(ready))
            try host.declare("web", "requires: [{service: db, until: started}]")
            try host.declare("late", "requires: [db]")
            #expect(try await host.run("apply", "--no-wait").exitCode == 0)
            let web = try await host.runningInstance("web", number: 1)
            let db = try await host.runningInstance("db", number: 1)
            #expect(web.startedAt > db.startedAt)
            #expect(try await host.state(of: "db") == "starting")
            #expect(host.instances("late").isEmpty)
            #expect(FileManager.default.createFile(atPath: ready, contents: nil))
            _ = try await host.runningInstance("late", number: 1)
            try await host.apply()
            try await host.expectEmptyDiff()
        }
    }

    private func slow(_ ready: String) -> TestHost.OracleAction {
        .process("sleep -1", "ready: {exec: [test, -e, \(ready)], interval: 20ms}", "start_timeout: 2m")
    }

    @Test("With until: ended a service starts after a one-shot that has failed")
    func untilEnded() async throws {
        try await TestHost.with { host in
            try host.declare("seed", actions: .oneShot("wait 150 exit 3"))
            try host.declare("web", "requires: [{service: seed, until: ended}]")
            try host.declare("strict", "requires: [seed]")
            #expect(try await host.run("apply").exitCode == 1)
            let web = try await host.runningInstance("web", number: 1)
            let seed = try #require(host.instances("seed").first)
            #expect(web.startedAt > seed.endedAt ?? .max)
            #expect(try await host.state(of: "seed") == "failed")
            #expect(try await host.state(of: "strict") == "blocked")
            let why = try await host.run("why", "web").output
            #expect(why.contains("core/seed (until ended) "), "\(why)")
        }
    }

    @Test("Without a cascade a restart leaves the dependent, and a stop blocks its next start")
    func withoutCascade() async throws {
        try await TestHost.with { host in
            let requirement = "requires: [{service: db, cascade: false}]"
            try host.declare("db")
            try host.declare("web", requirement)
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            try host.declare("db", "generation: 1")
            try await host.apply()
            _ = try await host.runningInstance("db", number: 2)
            try host.declare("db", "generation: 1", "status: stop")
            try await host.apply()
            #expect(isAlive(web.pid))
            #expect(try await host.state(of: "web") == "running")
            try host.declare("web", requirement, "generation: 1")
            #expect(try await host.run("apply").exitCode == 0)
            #expect(isAlive(web.pid), "the old version is better than none")
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await host.run("apply").exitCode == 0)
            #expect(try await host.state(of: "web") == "blocked")
            #expect(host.instances("web").count == 1)
            try host.declare("db", "generation: 1")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
            #expect(try await host.run("down").exitCode == 0)
            let stopped = try #require(host.instances("web").last?.endedAt)
            let signalled = try #require(host.instances("db").last?.stopRequestedAt)
            #expect(stopped < signalled)
        }
    }
}

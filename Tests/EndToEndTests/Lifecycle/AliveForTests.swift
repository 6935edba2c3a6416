import Foundation
import Testing

@Suite("Readiness by alive_for with real processes")
struct AliveForServiceTests {
    @Test("A service with alive_for is up after this time, and its dependent starts after that")
    func becomesReady() async throws {
        try await TestHost.with { host in
            let files = [
                "db.yaml": "kind: Service\nname: db\nexec: [sleep, \"1000\"]\nready: {alive_for: 700ms}\n",
                "web.yaml": "kind: Service\nname: web\nrequires: [db]\nexec: [sleep, \"1000\"]\n",
            ]
            for (name, text) in files { try host.writeManifest(name, text) }
            try await host.apply()
            let events = try await host.run("events").output
            let ready = try #require(events.range(of: "ready after 700ms"), "\(events)")
            #expect(events[ready.upperBound...].contains("core/web"), "\(events)")
            try await host.expectEmptyDiff()
        }
    }

    @Test("A program that ends before alive_for is never up and starts no dependent")
    func endsBefore() async throws {
        try await TestHost.with { host in
            let db = """
                kind: Service
                name: db
                exec: [sleep, "0.3"]
                ready: {alive_for: 5s}
                retry: {max_attempts: 2, delay: 10ms, jitter: 0}
                """
            try host.writeManifest("db.yaml", db)
            try host.writeManifest("web.yaml", "kind: Service\nname: web\nrequires: [db]\nexec: [sleep, \"1000\"]\n")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await host.state(of: "db") == "failed")
            #expect(try await host.state(of: "web") == "blocked")
        }
    }
}

import Foundation
import Glibc
import Testing

/// `hold` with real processes.
@Suite("Held services", .serialized)
struct HoldTests {
    /// A hold that ends after this many seconds.
    private func hold(for seconds: Double) -> String {
        "hold: {until: \"\(Date(timeIntervalSinceNow: seconds).ISO8601Format())\", reason: freeze}"
    }

    private func summary(_ host: TestHost) async throws -> (code: Int32, deferred: Int?) {
        let diff = try await host.run("diff", "-o", "json")
        let counts = diff.json["summary"] as? [String: Int]
        return (diff.exitCode, counts?["deferred"])
    }

    @Test("A held change is shown and not made, unrelated changes are made, and crashes heal")
    func heldChange() async throws {
        try await TestHost.with { host in
            try host.declare("db", hold(for: 3600))
            try host.declare("web")
            // A first start is a change too.
            #expect(try await host.run("apply").exitCode == 0)
            #expect(host.instances("db").isEmpty)
            try host.declare("db")
            try await host.apply()
            let db = try await host.runningInstance("db", number: 1)
            try host.declare("db", hold(for: 3600), "generation: 1")
            try host.declare("web", "generation: 1")
            let applied = try await host.run("apply")
            #expect(applied.exitCode == 0)
            #expect((applied.output + applied.errorOutput).contains("held until"))
            _ = try await host.runningInstance("web", number: 2)
            #expect(isAlive(db.pid))
            let (code, deferred) = try await summary(host)
            #expect(code == 0 && deferred == 1)
            let status = try await host.run("status")
            #expect(status.exitCode == 0)
            #expect(status.output.contains("restart held until"), "\(status.output)")
            #expect(try await host.run("why", "db").output.contains("held until"))
            #expect(try await host.run("history").output.contains("held until"))
            #expect(kill(db.pid, SIGKILL) == 0)
            _ = try await host.runningInstance("db", number: 2)
            #expect(try await host.run("status").output.contains("restart held until"))
            try host.declare("db", "generation: 1")
            try await host.apply()
            _ = try await host.runningInstance("db", number: 3)
        }
    }

    private func stop(_ reconciler: RunningCommand, of host: TestHost) async throws {
        #expect(kill(reconciler.pid, SIGTERM) == 0)
        #expect(try await host.exitCode(of: reconciler) == 0)
    }

    @Test("A syncing reconciler makes a deferred change when the hold ends, also after its restart")
    func holdEnds() async throws {
        try await TestHost.with { host in
            try host.declare("db")
            let reconciler = try host.startReconciler()
            let db = try await host.runningInstance("db", number: 1)
            try host.declare("db", hold(for: 6), "generation: 1")
            _ = try await host.waitForEvent("info", "restart deferred")
            try await stop(reconciler, of: host)
            #expect(isAlive(db.pid))
            let second = try host.startReconciler()
            _ = try await host.runningInstance("db", number: 2)
            #expect(!isAlive(db.pid))
            try await stop(second, of: host)
        }
    }

    @Test("A removed service runs on during its recorded hold, and a down stops it")
    func removal() async throws {
        try await TestHost.with { host in
            try host.declare("db", hold(for: 3600))
            try host.declare("web")
            try host.declare("db")
            try await host.apply()
            try host.declare("db", hold(for: 3600))
            try await host.apply()
            let db = try await host.runningInstance("db", number: 1)
            host.removeManifest("db")
            #expect(try await host.run("apply").exitCode == 0)
            #expect(isAlive(db.pid))
            #expect(try await host.run("status").exitCode == 0)
            #expect(try await host.run("down").exitCode == 0)
            #expect(!isAlive(db.pid))
        }
    }
}

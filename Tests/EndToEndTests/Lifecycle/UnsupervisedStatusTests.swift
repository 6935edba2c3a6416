import Foundation
import GRDB
import Glibc
import Testing

/// What `status` reports of recorded jobs while no reconciler is running.
@Suite("Status without a reconciler", .serialized)
struct UnsupervisedStatusTests {
    @Test("A job recorded as running without a process is not shown as running")
    func noProcess() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 1)
            try await host.killReconciler()
            let queue = try DatabaseQueue(path: host.databasePath)
            try await queue.write { try $0.execute(sql: "UPDATE jobs SET pid = NULL") }
            try queue.close()
            #expect(try await host.state(of: "web") == "degraded")
            let error = try await host.jobs(of: "web").first?["error"] as? String
            #expect(error?.contains("no process of it is recorded") == true, "\(error ?? "")")
            // The record in the run directory still names the process, so a new reconciler adopts it.
            try await host.apply()
            #expect(try await host.state(of: "web") == "running")
            #expect(host.instances("web").count == 1)
        }
    }
}

import Foundation
import Glibc
import Testing

/// The write-ahead log of the database is removed while a reconciler is running.
@Suite("Removed write-ahead log", .serialized)
struct LogRemovalTests {
    @Test("The next apply repairs a database whose write-ahead log was removed, without restarts")
    func removedLog() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            #expect(unlink(host.databasePath + "-wal") == 0)
            try host.declare("other")
            let result = try await host.run("apply")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            _ = try await host.runningInstance("other", number: 1)
            #expect(try await host.state(of: "web") == "running")
            #expect(host.instances("web") == [first] && isAlive(first.pid))
            try await host.expectEmptyDiff()
        }
    }
}

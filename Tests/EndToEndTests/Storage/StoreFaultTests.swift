import Foundation
import GRDB
import Glibc
import Testing

/// Database faults affect no service (guarantees DB-1, DB-4, DB-6, RX-4, UP-3, I11).
@Suite("Faults of the state database", .serialized)
struct StoreFaultTests {
    private func isDegraded(_ host: TestHost) async throws -> Bool {
        let database = try await host.run("status", "-o", "json").json["database"] as? [String: Any]
        return database?["writable"] as? Bool == false
    }

    @Test(
        "No child inherits a descriptor or drops a lock of the database (DB-1)"
    )
    func descriptors() async throws {
        try await TestHost.with { host in
            try host.declare("a", actions: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await host.apply()
            #expect(kill(try await host.runningInstance("a").pid, SIGKILL) == 0)
            let instance = try await host.runningInstance("a", number: 2)
            try await eventually("`a` is ready again") { try await host.run("status").exitCode == 0 }
            for command in [["status"], ["history"], ["events"], ["jobs"], ["why", "a"], ["diff"]] {
                #expect(try await host.run(command).exitCode == 0)
            }
            try host.declare("b")
            try await host.apply()
            let reconciler = try #require(host.reconcilerPID)
            #expect(!openFiles(of: instance.pid).isEmpty)
            #expect(!openFiles(of: instance.pid).contains { $0.hasPrefix(host.databasePath) })
            // All descriptors of the reconciler are closed on exec, so that shims, which only root can inspect, have
            // none either.
            let directory = "/proc/\(reconciler)/fd"
            var found = 0
            var locked: Set<String> = []
            for number in try FileManager.default.contentsOfDirectory(atPath: directory) {
                let target =
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(number)")) ?? ""
                guard target.hasPrefix(host.databasePath) else { continue }
                found += 1
                let about = host.readText("/proc/\(reconciler)/fdinfo/\(number)").split(separator: "\n")
                if about.contains(where: { $0.hasPrefix("lock:") && $0.contains("POSIX") }) { locked.insert(target) }
                let flags = about.first { $0.hasPrefix("flags:") }?.split(separator: "\t").last.flatMap {
                    Int($0, radix: 8)
                }
                #expect(try #require(flags) & Int(O_CLOEXEC) != 0, "\(target)")
            }
            #expect(found >= 3)
            // In WAL mode a connection holds a lock on the database and one on the index of the log while it is open.
            #expect(locked.contains(host.databasePath) && locked.contains(host.databasePath + "-shm"), "\(locked)")
        }
    }

    /// Starts a crash loop and a service that must not be touched; returns the instance of the latter.
    private func startServices(_ host: TestHost) async throws -> OracleInstance {
        try host.declare("crashy", actions: .process("wait 300 exit 3", "retry: {delay: 100ms, factor: 1}"))
        try host.declare("steady")
        _ = try await host.run("apply", "--timeout", "1s")
        return try await host.runningInstance("steady")
    }

    @Test(
        "No shim has a descriptor of the database (DB-1)",
        .enabled(if: geteuid() == 0, "only root can inspect a shim, which is not dumpable (SH-12)")
    )
    func descriptorsOfShims() async throws {
        try await TestHost.with { host in
            try host.declare("a", actions: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await host.apply()
            for number in 1...2 {
                let instance = try await host.runningInstance("a", number: number)
                let shim = try #require(parentShim(instance.pid))
                #expect(
                    openFiles(of: shim).contains { $0.hasPrefix(host.logDirectory) },
                    "the descriptors are readable"
                )
                #expect(!openFiles(of: shim).contains { $0.hasPrefix(host.databasePath) })
                if number == 1 { #expect(kill(instance.pid, SIGKILL) == 0) }
            }
        }
    }

    @Test(
        "A locked database stops no restart and refuses applies (DB-4)"
    )
    func lockedDatabase() async throws {
        try await TestHost.with { host in
            let steady = try await startServices(host)
            let reconciler = host.reconcilerPID
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let queue = try DatabaseQueue(path: host.databasePath, configuration: configuration)
            try await queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            try await eventually("the outage is reported") { try await isDegraded(host) }
            #expect(try await host.run("status").output.contains("Degraded: cannot write the state database"))
            let count = host.instances("crashy").count
            try await eventually("restarts continue") { host.instances("crashy").count >= count + 3 }
            try host.declare("new")
            let refused = try await host.run("apply")
            #expect(refused.exitCode == 2)
            #expect(
                refused.errorOutput.contains("another program has locked it")
                    && refused.errorOutput.contains("running services keep running")
            )
            #expect(host.instances("new").isEmpty)

            try await queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try queue.close()
            _ = try await host.waitForEvent("warning", "is writable again")
            #expect(try await !isDegraded(host))
            #expect(host.reconcilerPID == reconciler)
            #expect(try await host.runningInstance("steady", number: 1) == steady)
            // Every instance has its restart count, and the last twenty have their exact end.
            let job = try #require(try await host.jobs(of: "crashy").first)
            let instances = host.instances("crashy")
            #expect(Set(instances.map(\.job)).count == 1 && instances.map(\.restartCount) == Array(0..<instances.count))
            #expect(job["exit_code"] as? Int == 3)
            _ = try await host.run("apply", "--timeout", "1s")
            _ = try await host.runningInstance("new", number: 1)
        }
    }

    @Test(
        "The reconciler survives the removal of its database or state directory (DB-4)",
        arguments: ["heroproc.db", ""]
    )
    func removedDatabase(name: String) async throws {
        try await TestHost.with { host in
            let steady = try await startServices(host)
            let reconciler = host.reconcilerPID
            try FileManager.default.removeItem(
                atPath: name.isEmpty ? host.stateDirectory : "\(host.stateDirectory)/\(name)"
            )
            _ = try await host.waitForEvent("warning", "db_rebuilt", "was removed or replaced")
            let count = host.instances("crashy").count
            try await eventually("restarts continue") { host.instances("crashy").count >= count + 3 }
            #expect(host.reconcilerPID == reconciler, "the reconciler still holds the lock")
            #expect(try await host.runningInstance("steady", number: 1) == steady)
            #expect(Set(host.instances("crashy").map(\.job)).count == 1)
            try host.declare("new")
            _ = try await host.run("apply", "--timeout", "1s")
            _ = try await host.runningInstance("new", number: 1)
            #expect(host.reconcilerPID == reconciler)
        }
    }

    @Test("A newer database is refused with exit code 2 (UP-3, DB-8)")
    func newerDatabaseIsRefused() async throws {
        try await TestHost.with { host in
            try host.declare("steady")
            try await host.apply()
            let steady = try await host.runningInstance("steady")
            try await host.killReconciler()
            let queue = try DatabaseQueue(path: host.databasePath)
            let version = try await queue.writeWithoutTransaction { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                try db.execute(sql: "PRAGMA user_version = 99")
                _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
                return version
            }
            try queue.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: host.databasePath))
            for command in [["reconcile", "--watch"], ["reconcile"], ["apply"], ["status"], ["down"]] {
                let result = try await host.run(command)
                #expect(result.exitCode == 2, "\(command)")
                #expect(result.errorOutput.contains("newer heroproc"), "\(command): \(result.errorOutput)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: host.databasePath)) == before)
            #expect(!FileManager.default.fileExists(atPath: host.databasePath + ".v99"))
            #expect(isAlive(steady.pid))
            let again = try DatabaseQueue(path: host.databasePath)
            try await again.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(version)") }
            try again.close()
            try await host.apply()
            #expect(try await host.runningInstance("steady", number: 1) == steady)
        }
    }
}

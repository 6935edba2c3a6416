import Foundation
import GRDB
import Glibc
import Testing

/// Trouble of the database is no trouble of the services (reliability.md DB-1, DB-4, DB-6, RX-4, UP-3, I11).
@Suite("A database under every fault", .serialized)
struct StoreFaultTests {
    private func isDegraded(_ world: TestHost) async throws -> Bool {
        let database = try await world.run("status", "-o", "json").json["database"] as? [String: Any]
        return database?["writable"] as? Bool == false
    }

    @Test(
        "DB-1: no child has a descriptor of the database, and nobody's plain open(2) has dropped a lock of the reconciler's"
    )
    func descriptors() async throws {
        try await TestHost.with { world in
            try world.declare("a", actions: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await world.apply()
            #expect(kill(try await world.runningInstance("a").pid, SIGKILL) == 0)
            let life = try await world.runningInstance("a", number: 2)
            for command in [["status"], ["history"], ["events"], ["jobs"], ["why", "a"], ["diff"]] {
                #expect(try await world.run(command).exitCode == 0)
            }
            try world.declare("b")
            try await world.apply()
            let reconciler = try #require(world.reconcilerPID)
            #expect(!openFiles(of: life.pid).isEmpty)
            #expect(!openFiles(of: life.pid).contains { $0.hasPrefix(world.databasePath) })
            // All of the reconciler's own are closed on exec, whoever executes: a shim, too, whose own only root may see.
            let folder = "/proc/\(reconciler)/fd"
            var found = 0
            var locked: Set<String> = []
            for number in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)")) ?? ""
                guard target.hasPrefix(world.databasePath) else { continue }
                found += 1
                let about = world.readText("/proc/\(reconciler)/fdinfo/\(number)").split(separator: "\n")
                if about.contains(where: { $0.hasPrefix("lock:") && $0.contains("POSIX") }) { locked.insert(target) }
                let flags = about.first { $0.hasPrefix("flags:") }?.split(separator: "\t").last.flatMap {
                    Int($0, radix: 8)
                }
                #expect(try #require(flags) & Int(O_CLOEXEC) != 0, "\(target)")
            }
            #expect(found >= 3)
            // In WAL mode a connection holds a lock on the database, and one on the index of its log, as long as it lives.
            #expect(locked.contains(world.databasePath) && locked.contains(world.databasePath + "-shm"), "\(locked)")
        }
    }

    /// Brings up one that crashes again and again, and one that must never be touched; answers that one's life.
    private func startServices(_ world: TestHost) async throws -> OracleInstance {
        try world.declare("crashy", actions: .process("wait 300 exit 3", "retry: {delay: 100ms, factor: 1}"))
        try world.declare("steady")
        _ = try await world.run("apply", "--timeout", "1s")
        return try await world.runningInstance("steady")
    }

    @Test(
        "DB-1: no shim has a descriptor of the database",
        .enabled(if: geteuid() == 0, "only root may look at the descriptors of a shim, which is not dumpable (SH-12)")
    )
    func descriptorsOfShims() async throws {
        try await TestHost.with { world in
            try world.declare("a", actions: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await world.apply()
            for number in 1...2 {
                let life = try await world.runningInstance("a", number: number)
                let shim = try #require(parentShim(life.pid))
                #expect(openFiles(of: shim).contains { $0.hasPrefix(world.logDirectory) }, "it can be looked into")
                #expect(!openFiles(of: shim).contains { $0.hasPrefix(world.databasePath) })
                if number == 1 { #expect(kill(life.pid, SIGKILL) == 0) }
            }
        }
    }

    @Test(
        "DB-4: somebody's transaction holds the database: what dies comes back, orders are refused, and it heals by itself"
    )
    func lockedDatabase() async throws {
        try await TestHost.with { world in
            let steady = try await startServices(world)
            let reconciler = world.reconcilerPID
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let queue = try DatabaseQueue(path: world.databasePath, configuration: configuration)
            try await queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            try await eventually("it says so") { try await isDegraded(world) }
            #expect(try await world.run("status").output.contains("Degraded: cannot write the state database"))
            let count = world.instances("crashy").count
            try await eventually("restarts go on") { world.instances("crashy").count >= count + 3 }
            try world.declare("new")
            let refused = try await world.run("apply")
            #expect(refused.exitCode == 2)
            #expect(
                refused.errorOutput.contains("another program has held it")
                    && refused.errorOutput.contains("running services keep running")
            )
            #expect(world.instances("new").isEmpty)

            try await queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try queue.close()
            _ = try await world.waitForEvent("warning", "is writable again")
            #expect(try await !isDegraded(world))
            #expect(world.reconcilerPID == reconciler)
            #expect(try await world.runningInstance("steady", number: 1) == steady)
            // Every life has its restart, and the last twenty of them their exact end.
            let job = try #require(try await world.jobs(of: "crashy").first)
            let lives = world.instances("crashy")
            #expect(Set(lives.map(\.job)).count == 1 && lives.map(\.restartCount) == Array(0..<lives.count))
            #expect(job["exit_code"] as? Int == 3)
            _ = try await world.run("apply", "--timeout", "1s")
            _ = try await world.runningInstance("new", number: 1)
        }
    }

    @Test(
        "DB-4: the database, or all of the state directory, is removed under a live reconciler",
        arguments: ["heroproc.db", ""]
    )
    func removedDatabase(name: String) async throws {
        try await TestHost.with { world in
            let steady = try await startServices(world)
            let reconciler = world.reconcilerPID
            try FileManager.default.removeItem(
                atPath: name.isEmpty ? world.stateDirectory : "\(world.stateDirectory)/\(name)"
            )
            _ = try await world.waitForEvent("warning", "db_rebuilt", "was removed or replaced")
            let count = world.instances("crashy").count
            try await eventually("restarts go on") { world.instances("crashy").count >= count + 3 }
            #expect(world.reconcilerPID == reconciler, "it is still known as the one that lives")
            #expect(try await world.runningInstance("steady", number: 1) == steady)
            #expect(Set(world.instances("crashy").map(\.job)).count == 1)
            try world.declare("new")
            _ = try await world.run("apply", "--timeout", "1s")
            _ = try await world.runningInstance("new", number: 1)
            #expect(world.reconcilerPID == reconciler)
        }
    }

    @Test("UP-3, DB-8: a newer database is refused with 2, and neither it nor a service is touched")
    func newerDatabaseIsRefused() async throws {
        try await TestHost.with { world in
            try world.declare("steady")
            try await world.apply()
            let steady = try await world.runningInstance("steady")
            try await world.killReconciler()
            let queue = try DatabaseQueue(path: world.databasePath)
            let version = try await queue.writeWithoutTransaction { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                try db.execute(sql: "PRAGMA user_version = 99")
                _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
                return version
            }
            try queue.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: world.databasePath))
            for command in [["reconcile", "--watch"], ["reconcile"], ["apply"], ["status"], ["down"]] {
                let answer = try await world.run(command)
                #expect(answer.exitCode == 2, "\(command)")
                #expect(answer.errorOutput.contains("newer heroproc"), "\(command): \(answer.errorOutput)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: world.databasePath)) == before)
            #expect(!FileManager.default.fileExists(atPath: world.databasePath + ".v99"))
            #expect(isAlive(steady.pid))
            let again = try DatabaseQueue(path: world.databasePath)
            try await again.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(version)") }
            try again.close()
            try await world.apply()
            #expect(try await world.runningInstance("steady", number: 1) == steady)
        }
    }
}

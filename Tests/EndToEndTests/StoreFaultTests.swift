import Foundation
import GRDB
import Glibc
import Testing

/// Trouble of the database is no trouble of the services (reliability.md DB-1, DB-4, DB-6, RX-4, UP-3, I11).
@Suite("A database under every fault", .serialized)
struct StoreFaultTests {
    private func isDegraded(_ world: World) async throws -> Bool {
        let database = try await world.run("status", "-o", "json").json["database"] as? [String: Any]
        return database?["writable"] as? Bool == false
    }

    @Test(
        "DB-1: no child has a descriptor of the database, and nobody's plain open(2) has dropped a lock of the reconciler's"
    )
    func descriptors() async throws {
        try await World.with { world in
            try world.declare("a", does: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await world.apply()
            #expect(kill(try await world.life("a").pid, SIGKILL) == 0)
            let life = try await world.life("a", number: 2)
            for command in [["status"], ["history"], ["events"], ["jobs"], ["why", "a"], ["diff"]] {
                #expect(try await world.run(command).code == 0)
            }
            try world.declare("b")
            try await world.apply()
            let reconciler = try #require(world.reconciler)
            #expect(!openFiles(of: life.pid).isEmpty)
            #expect(!openFiles(of: life.pid).contains { $0.hasPrefix(world.database) })
            // All of the reconciler's own are closed on exec, whoever executes: a shim, too, whose own only root may see.
            let folder = "/proc/\(reconciler)/fd"
            var found = 0
            var locked: Set<String> = []
            for number in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)")) ?? ""
                guard target.hasPrefix(world.database) else { continue }
                found += 1
                let about = world.text("/proc/\(reconciler)/fdinfo/\(number)").split(separator: "\n")
                if about.contains(where: { $0.hasPrefix("lock:") && $0.contains("POSIX") }) { locked.insert(target) }
                let flags = about.first { $0.hasPrefix("flags:") }?.split(separator: "\t").last.flatMap {
                    Int($0, radix: 8)
                }
                #expect(try #require(flags) & Int(O_CLOEXEC) != 0, "\(target)")
            }
            #expect(found >= 3)
            // In WAL mode a connection holds a lock on the database, and one on the index of its log, as long as it lives.
            #expect(locked.contains(world.database) && locked.contains(world.database + "-shm"), "\(locked)")
        }
    }

    /// Brings up one that crashes again and again, and one that must never be touched; answers that one's life.
    private func begin(_ world: World) async throws -> Life {
        try world.declare("crashy", does: .process("wait 300 exit 3", "retry: {delay: 100ms, factor: 1}"))
        try world.declare("steady")
        _ = try await world.run("apply", "--timeout", "1s")
        return try await world.life("steady")
    }

    @Test(
        "DB-1: no shim has a descriptor of the database",
        .enabled(if: geteuid() == 0, "only root may look at the descriptors of a shim, which is not dumpable (SH-12)")
    )
    func descriptorsOfShims() async throws {
        try await World.with { world in
            try world.declare("a", does: .process("sleep -1", "retry: {delay: 10ms}", "ready: {exec: [\"true\"]}"))
            try await world.apply()
            for number in 1...2 {
                let life = try await world.life("a", number: number)
                let shim = try #require(parentShim(life.pid))
                #expect(openFiles(of: shim).contains { $0.hasPrefix(world.logs) }, "it can be looked into")
                #expect(!openFiles(of: shim).contains { $0.hasPrefix(world.database) })
                if number == 1 { #expect(kill(life.pid, SIGKILL) == 0) }
            }
        }
    }

    @Test(
        "DB-4: somebody's transaction holds the database: what dies comes back, orders are refused, and it heals by itself"
    )
    func busy() async throws {
        try await World.with { world in
            let steady = try await begin(world)
            let reconciler = world.reconciler
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let queue = try DatabaseQueue(path: world.database, configuration: configuration)
            try await queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
            try await eventually("it says so") { try await isDegraded(world) }
            #expect(try await world.run("status").out.contains("Degraded: cannot write the state database"))
            let count = world.lives("crashy").count
            try await eventually("restarts go on") { world.lives("crashy").count >= count + 3 }
            try world.declare("new")
            let refused = try await world.run("apply")
            #expect(refused.code == 2)
            #expect(
                refused.err.contains("another program has held it") && refused.err.contains("what runs is kept running")
            )
            #expect(world.lives("new").isEmpty)

            try await queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try queue.close()
            _ = try await world.event("warning", "takes writes again")
            #expect(try await !isDegraded(world))
            #expect(world.reconciler == reconciler)
            #expect(try await world.life("steady", number: 1) == steady)
            // Every life has its restart, and the last twenty of them their exact end.
            let job = try #require(try await world.jobs(of: "crashy").first)
            let lives = world.lives("crashy")
            #expect(Set(lives.map(\.job)).count == 1 && lives.map(\.restarts) == Array(0..<lives.count))
            #expect(job["exit_code"] as? Int == 3)
            _ = try await world.run("apply", "--timeout", "1s")
            _ = try await world.life("new", number: 1)
        }
    }

    @Test(
        "DB-4: the database, or all of the state directory, is removed under a live reconciler",
        arguments: ["heroproc.db", ""]
    )
    func removed(name: String) async throws {
        try await World.with { world in
            let steady = try await begin(world)
            let reconciler = world.reconciler
            try FileManager.default.removeItem(atPath: name.isEmpty ? world.state : "\(world.state)/\(name)")
            _ = try await world.event("warning", "db_rebuilt", "was removed or replaced")
            let count = world.lives("crashy").count
            try await eventually("restarts go on") { world.lives("crashy").count >= count + 3 }
            #expect(world.reconciler == reconciler, "it is still known as the one that lives")
            #expect(try await world.life("steady", number: 1) == steady)
            #expect(Set(world.lives("crashy").map(\.job)).count == 1)
            try world.declare("new")
            _ = try await world.run("apply", "--timeout", "1s")
            _ = try await world.life("new", number: 1)
            #expect(world.reconciler == reconciler)
        }
    }

    @Test("UP-3, DB-8: a newer database is refused with 2, and neither it nor a service is touched")
    func downgrade() async throws {
        try await World.with { world in
            try world.declare("steady")
            try await world.apply()
            let steady = try await world.life("steady")
            try await world.killReconciler()
            let queue = try DatabaseQueue(path: world.database)
            let version = try await queue.writeWithoutTransaction { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                try db.execute(sql: "PRAGMA user_version = 99")
                _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
                return version
            }
            try queue.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: world.database))
            for command in [["reconcile", "--watch"], ["reconcile"], ["apply"], ["status"], ["down"]] {
                let answer = try await world.run(command)
                #expect(answer.code == 2, "\(command)")
                #expect(answer.err.contains("newer heroproc"), "\(command): \(answer.err)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: world.database)) == before)
            #expect(!FileManager.default.fileExists(atPath: world.database + ".v99"))
            #expect(isAlive(steady.pid))
            let again = try DatabaseQueue(path: world.database)
            try await again.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(version)") }
            try again.close()
            try await world.apply()
            #expect(try await world.life("steady", number: 1) == steady)
        }
    }
}

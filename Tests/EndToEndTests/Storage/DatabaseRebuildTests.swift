import Foundation
import GRDB
import Glibc
import HeroRandom
import Testing

/// A destroyed database affects no running service (guarantee DB-5).
@Suite("Rebuild of a lost database", .serialized)
struct DatabaseRebuildTests {
    /// Damage of the database in a state directory while no process has it open.
    enum Damage: String, CaseIterable, Sendable {
        case zeroedHeader, flippedBytes, truncated, otherDatabaseLog, otherDatabase, removed, removedWithoutLog

        func apply(on host: TestHost) throws {
            let path = host.databasePath
            var random = SeededGenerator(5)
            func put(_ bytes: [UInt8], at offset: Int) throws {
                let file = open(path, O_WRONLY)
                let written = pwrite(file, bytes, bytes.count, off_t(offset))
                close(file)
                try #require(written == bytes.count)
            }
            if self != .removedWithoutLog {
                // A checkpoint moves all data into the database file, so that the log cannot repair the damage.
                let queue = try DatabaseQueue(path: path)
                try queue.writeWithoutTransaction { _ = try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
                try queue.close()
            }
            let size = (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
            switch self {
            case .zeroedHeader: try put([UInt8](repeating: 0, count: 100), at: 0)
            case .flippedBytes:
                // Damages a page of each table and index.
                for page in 1..<(size / 4096) {
                    try put((0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }, at: page * 4096)
                }
            case .truncated: try #require(truncate(path, off_t(size / 2 + 100)) == 0)
            case .otherDatabaseLog:
                let other = host.root + "/other.db"
                let queue = try DatabaseQueue(path: other)
                try queue.writeWithoutTransaction { db in
                    _ = try Row.fetchAll(db, sql: "PRAGMA journal_mode = WAL")
                    try db.execute(sql: "CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(40000))")
                }
                try FileManager.default.copyItem(atPath: other + "-wal", toPath: path + "-wal")
                try queue.close()
            case .otherDatabase:
                for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
                let queue = try DatabaseQueue(path: path)
                try queue.write { try $0.execute(sql: "CREATE TABLE mine (id)") }
                try queue.close()
            case .removed: for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            case .removedWithoutLog: unlink(path)
            }
        }
    }

    /// The long form uses all kinds, the short form a few different ones.
    private static let damages =
        TestSettings.isLong ? Damage.allCases : [Damage.zeroedHeader, .flippedBytes, .otherDatabaseLog, .removed]

    private func declare(_ host: TestHost, web: String = "sleep -1") throws {
        try host.declare("db", actions: .process("lines 50"))
        try host.declare(
            "web",
            "requires: [db]",
            "tags: [front]",
            actions: .oneShot("exit 0", name: "seed"),
            .process(web, "retry: {delay: 50ms}"),
            .process(name: "side")
        )
    }

    private let actions = [("db", "run"), ("web", "run"), ("web", "side")]

    private func runningInstances(_ host: TestHost) async throws -> [OracleInstance] {
        var instances: [OracleInstance] = []
        for (service, action) in actions { instances.append(try await host.runningInstance(service, action)) }
        return instances
    }

    private func jobs(_ host: TestHost) async throws -> [Int: [String]] {
        var found: [Int: [String]] = [:]
        for service in ["db", "web"] {
            for job in try await host.jobs(of: service) {
                found[job["id"] as? Int ?? 0] = ["service_id", "action_id", "run_id", "phase", "restart_count", "pid"]
                    .map {
                        "\(job[$0] ?? "")"
                    }
            }
        }
        return found
    }

    @Test(
        "A new reconciler rebuilds the database around running jobs without restarts (DB-5)",
        arguments: damages
    )
    func rebuilt(damage: Damage) async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            // One job has a restart in its history.
            #expect(kill(try await host.runningInstance("web").pid, SIGKILL) == 0)
            _ = try await host.runningInstance("web", number: 2)
            try await eventually("the service is running again") { try await host.state(of: "web") == "running" }
            let before = try await runningInstances(host)
            let known = try await jobs(host)
            try await host.killReconciler()
            try damage.apply(on: host)

            let watch = try host.startReconciler()
            _ = try await host.waitForEvent("warning", "db_rebuilt", "rebuilt from 3 jobs")
            #expect(host.reconcilerPID == watch.pid)
            try await eventually("all services are ready") { try await host.run("status").exitCode == 0 }
            #expect(try await runningInstances(host) == before, "no process was started")
            #expect(host.instances("web", "seed").count == 1)
            #expect(try await jobs(host) == known)
            try await host.expectEmptyDiff()
            let lost = try await host.waitForEvent("warning", "db_rebuilt", "are lost")
            #expect(lost["source"] as? String == "store")
            let kept = try FileManager.default.contentsOfDirectory(atPath: host.stateDirectory).filter {
                $0.contains(".corrupt-")
            }
            #expect(damage == .removed ? kept.isEmpty : !kept.isEmpty, "\(kept)")

            // Supervision continues as before, and no job number is used twice.
            #expect(kill(before[0].pid, SIGKILL) == 0)
            let healed = try await host.runningInstance("db", number: 2)
            #expect(healed.job == before[0].job && healed.restartCount == 1)
            try declare(host, web: "wait 1 sleep -1")
            try await host.apply()
            let last = try #require(known.keys.max())
            #expect(try await host.jobs(of: "web").allSatisfy { $0["id"] as? Int ?? 0 > last })
        }
    }

    @Test(
        "Without sync a rebuild continues with the applied revision (DB-5)"
    )
    func rebuildWithoutSync() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            let before = try await runningInstances(host)
            try await host.killReconciler()
            try Damage.zeroedHeader.apply(on: host)
            // A draft in the services directory that was never applied.
            try declare(host, web: "exit 7")
            let keep = try host.start(["reconcile", "--watch", "--no-sync"])
            _ = try await host.waitForEvent("warning", "db_rebuilt")
            #expect(host.reconcilerPID == keep.pid)
            #expect(try await host.run("status").exitCode == 0)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(try await host.runningInstance("web", number: 2).job == before[1].job)
            #expect(try await host.run("status", "-o", "json").json["revision"] as? Int == 1)

            // A down also survives the loss of the database.
            try declare(host)
            #expect(try await host.run("down").exitCode == 0)
            try await host.killReconciler()
            for suffix in ["", "-wal", "-shm"] { unlink(host.databasePath + suffix) }
            let again = try host.start(["reconcile", "--watch", "--no-sync"])
            _ = try await host.waitForEvent("warning", "db_rebuilt")
            #expect(host.reconcilerPID == again.pid)
            let counts = actions.map { host.instances($0.0, $0.1).count }
            try await host.apply()
            #expect(
                actions.map { host.instances($0.0, $0.1).count } == counts.map { $0 + 1 },
                "the services start with the apply, not before"
            )
        }
    }

    @Test(
        "Without the copy of the applied revision nothing stops or starts (DB-5)"
    )
    func rebuildWithoutAppliedCopy() async throws {
        try await TestHost.with { host in
            try declare(host)
            try host.declare("idle", "status: stop")
            try await host.apply()
            let before = try await runningInstances(host)
            try await host.killReconciler()
            try Damage.removed.apply(on: host)
            unlink(host.stateDirectory + "/applied.json")
            for _ in 1...2 {
                let keep = try host.start(["reconcile", "--watch", "--no-sync"])
                try await eventually("the reconciler keeps the services running") {
                    try await host.run("status", "-o", "json").json["revision"] as? Int == 1
                        && host.reconcilerPID == keep.pid
                }
                _ = try await host.waitForEvent("error", "apply them again")
                #expect(try await runningInstances(host) == before)
                try await host.killReconciler()
            }
            try await host.apply()
            #expect(try await runningInstances(host) == before, "the same set is no change")
            try await host.expectEmptyDiff()
        }
    }

    @Test("Damage under a running reconciler is repaired by the next apply (DB-5)")
    func damageUnderLiveReconciler() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            let before = try await runningInstances(host)
            let reconciler = try #require(host.reconcilerPID)
            let file = open(host.databasePath, O_WRONLY)
            let zeros = [UInt8](repeating: 0, count: 4096)
            try #require(pwrite(file, zeros, zeros.count, 0) == zeros.count)
            close(file)
            // Closing the descriptor drops no lock, because the reconciler is another process.
            unlink(host.databasePath + "-wal")
            let result = try await host.run("apply")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            _ = try await host.waitForEvent("warning", "db_rebuilt")
            #expect(host.reconcilerPID == reconciler)
            #expect(try await runningInstances(host) == before)
            try await host.expectEmptyDiff()
        }
    }

    @Test(
        "A database that was removed under a reconciler is written again and hides nothing (DB-5)",
        arguments: ["apply", "down"]
    )
    func removedUnderLiveReconciler(verb: String) async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            let before = try await runningInstances(host)
            for suffix in ["", "-wal", "-shm"] { unlink(host.databasePath + suffix) }
            let status = try await host.run("status")
            #expect(status.exitCode == 2 && status.errorOutput.contains("was removed while the reconciler"))
            #expect(try await host.run("why", "web").exitCode == 2)

            let result = try await host.run(verb)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            if verb == "down" {
                #expect(before.allSatisfy { !isAlive($0.pid) })
            } else {
                #expect(try await runningInstances(host) == before)
            }
        }
    }
}

import Foundation
import GRDB
import Glibc
import Testing

/// The database is destroyed around running services: none of them notices (reliability.md DB-5).
@Suite("A database that is lost", .serialized)
struct DatabaseRebuildTests {
    /// What is done to the database of a state directory, while nobody has it open.
    enum Damage: String, CaseIterable, Sendable {
        case zeroedHeader, flippedBytes, truncated, otherDatabaseLog, otherDatabase, removed, removedWithoutLog

        func apply(on world: TestHost) throws {
            let path = world.databasePath
            var random = SeededGenerator(5)
            func put(_ bytes: [UInt8], at offset: Int) throws {
                let file = open(path, O_WRONLY)
                let written = pwrite(file, bytes, bytes.count, off_t(offset))
                close(file)
                try #require(written == bytes.count)
            }
            if self != .removedWithoutLog {
                // All of it into the database itself: no log heals the damage.
                let queue = try DatabaseQueue(path: path)
                try queue.writeWithoutTransaction { _ = try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
                try queue.close()
            }
            let size = (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
            switch self {
            case .zeroedHeader: try put([UInt8](repeating: 0, count: 100), at: 0)
            case .flippedBytes:
                // A page of each table and index is hit.
                for page in 1..<(size / 4096) {
                    try put((0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }, at: page * 4096)
                }
            case .truncated: try #require(truncate(path, off_t(size / 2 + 100)) == 0)
            case .otherDatabaseLog:
                let other = world.root + "/other.db"
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

    /// All of them with HP_TORTURE; a few of different kinds otherwise.
    private static let damages =
        TestSettings.isLong ? Damage.allCases : [Damage.zeroedHeader, .flippedBytes, .otherDatabaseLog, .removed]

    private func declare(_ world: TestHost, web: String = "sleep -1") throws {
        try world.declare("db", actions: .process("lines 50"))
        try world.declare(
            "web",
            "requires: [db]",
            "tags: [front]",
            actions: .oneShot("exit 0", name: "seed"),
            .process(web, "retry: {delay: 50ms}"),
            .process(name: "side")
        )
    }

    private let actions = [("db", "run"), ("web", "run"), ("web", "side")]

    private func runningInstances(_ world: TestHost) async throws -> [OracleInstance] {
        var lives: [OracleInstance] = []
        for (service, action) in actions { lives.append(try await world.runningInstance(service, action)) }
        return lives
    }

    private func jobs(_ world: TestHost) async throws -> [Int: [String]] {
        var found: [Int: [String]] = [:]
        for service in ["db", "web"] {
            for job in try await world.jobs(of: service) {
                found[job["id"] as? Int ?? 0] = ["service_id", "action_id", "run_id", "phase", "restart_count", "pid"]
                    .map {
                        "\(job[$0] ?? "")"
                    }
            }
        }
        return found
    }

    @Test(
        "DB-5: the next reconciler makes it again around what runs: 0 restarts, the same jobs",
        arguments: damages
    )
    func rebuilt(damage: Damage) async throws {
        try await TestHost.with { world in
            try declare(world)
            try await world.apply()
            // One of them has a history that is worth keeping.
            #expect(kill(try await world.runningInstance("web").pid, SIGKILL) == 0)
            _ = try await world.runningInstance("web", number: 2)
            try await eventually("it is up again") { try await world.state(of: "web") == "running" }
            let before = try await runningInstances(world)
            let known = try await jobs(world)
            try await world.killReconciler()
            try damage.apply(on: world)

            let watch = try world.startReconciler()
            _ = try await world.waitForEvent("warning", "db_rebuilt", "rebuilt from 3 jobs")
            #expect(world.reconcilerPID == watch.pid)
            try await eventually("all is as wanted") { try await world.run("status").exitCode == 0 }
            #expect(try await runningInstances(world) == before, "nothing was started")
            #expect(world.instances("web", "seed").count == 1)
            #expect(try await jobs(world) == known)
            try await world.expectEmptyDiff()
            let lost = try await world.waitForEvent("warning", "db_rebuilt", "are lost")
            #expect(lost["source"] as? String == "store")
            let kept = try FileManager.default.contentsOfDirectory(atPath: world.stateDirectory).filter {
                $0.contains(".corrupt-")
            }
            #expect(damage == .removed ? kept.isEmpty : !kept.isEmpty, "\(kept)")

            // Supervised as before, and no number is given twice.
            #expect(kill(before[0].pid, SIGKILL) == 0)
            let healed = try await world.runningInstance("db", number: 2)
            #expect(healed.job == before[0].job && healed.restartCount == 1)
            try declare(world, web: "wait 1 sleep -1")
            try await world.apply()
            let last = try #require(known.keys.max())
            #expect(try await world.jobs(of: "web").allSatisfy { $0["id"] as? Int ?? 0 > last })
        }
    }

    @Test(
        "DB-5: one that only keeps what was applied goes on with it, down or up, though the directory says something else"
    )
    func rebuildWithoutSync() async throws {
        try await TestHost.with { world in
            try declare(world)
            try await world.apply()
            let before = try await runningInstances(world)
            try await world.killReconciler()
            try Damage.zeroedHeader.apply(on: world)
            // Somebody's draft: nobody has applied it.
            try declare(world, web: "exit 7")
            let keep = try world.start(["reconcile", "--watch", "--no-sync"])
            _ = try await world.waitForEvent("warning", "db_rebuilt")
            #expect(world.reconcilerPID == keep.pid)
            #expect(try await world.run("status").exitCode == 0)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(try await world.runningInstance("web", number: 2).job == before[1].job)
            #expect(try await world.run("status", "-o", "json").json["revision"] as? Int == 1)

            // A down is not forgotten either.
            try declare(world)
            #expect(try await world.run("down").exitCode == 0)
            try await world.killReconciler()
            for suffix in ["", "-wal", "-shm"] { unlink(world.databasePath + suffix) }
            let again = try world.start(["reconcile", "--watch", "--no-sync"])
            _ = try await world.waitForEvent("warning", "db_rebuilt")
            #expect(world.reconcilerPID == again.pid)
            let counts = actions.map { world.instances($0.0, $0.1).count }
            try await world.apply()
            #expect(
                actions.map { world.instances($0.0, $0.1).count } == counts.map { $0 + 1 },
                "up with the apply, not before"
            )
        }
    }

    @Test(
        "DB-5: without the database and the copy of what was applied nothing stops, and nothing new starts before an apply"
    )
    func rebuildWithoutAppliedCopy() async throws {
        try await TestHost.with { world in
            try declare(world)
            try world.declare("idle", "status: stop")
            try await world.apply()
            let before = try await runningInstances(world)
            try await world.killReconciler()
            try Damage.removed.apply(on: world)
            unlink(world.stateDirectory + "/applied.json")
            for _ in 1...2 {
                let keep = try world.start(["reconcile", "--watch", "--no-sync"])
                try await eventually("it keeps what runs") {
                    try await world.run("status", "-o", "json").json["revision"] as? Int == 1
                        && world.reconcilerPID == keep.pid
                }
                _ = try await world.waitForEvent("error", "apply them again")
                #expect(try await runningInstances(world) == before)
                try await world.killReconciler()
            }
            try await world.apply()
            #expect(try await runningInstances(world) == before, "the same is no change")
            try await world.expectEmptyDiff()
        }
    }

    @Test("DB-5: damage under a live reconciler is found by the next apply, and all goes on")
    func damageUnderLiveReconciler() async throws {
        try await TestHost.with { world in
            try declare(world)
            try await world.apply()
            let before = try await runningInstances(world)
            let reconciler = try #require(world.reconcilerPID)
            let file = open(world.databasePath, O_WRONLY)
            let zeros = [UInt8](repeating: 0, count: 4096)
            try #require(pwrite(file, zeros, zeros.count, 0) == zeros.count)
            close(file)
            // Closing it dropped no lock of the reconciler's: that is another process.
            unlink(world.databasePath + "-wal")
            let answer = try await world.run("apply")
            #expect(answer.exitCode == 0, "\(answer.errorOutput)")
            _ = try await world.waitForEvent("warning", "db_rebuilt")
            #expect(world.reconcilerPID == reconciler)
            #expect(try await runningInstances(world) == before)
            try await world.expectEmptyDiff()
        }
    }
}

import Foundation
import GRDB
import Glibc
import Testing

/// The database is destroyed around running services: none of them notices (reliability.md DB-5).
@Suite("A database that is lost", .serialized)
struct RebuildTests {
    /// What is done to the database of a state directory, while nobody has it open.
    enum Damage: String, CaseIterable, Sendable {
        case zeroedHeader, flippedBytes, cutShort, foreignLog, foreignDatabase, removed, removedWithoutLog

        func inflict(on world: World) throws {
            let path = world.database
            var random = Seeded(5)
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
            case .cutShort: try #require(truncate(path, off_t(size / 2 + 100)) == 0)
            case .foreignLog:
                let other = world.root + "/other.db"
                let queue = try DatabaseQueue(path: other)
                try queue.writeWithoutTransaction { db in
                    _ = try Row.fetchAll(db, sql: "PRAGMA journal_mode = WAL")
                    try db.execute(sql: "CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(40000))")
                }
                try FileManager.default.copyItem(atPath: other + "-wal", toPath: path + "-wal")
                try queue.close()
            case .foreignDatabase:
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
        TestSettings.isLong ? Damage.allCases : [Damage.zeroedHeader, .flippedBytes, .foreignLog, .removed]

    private func declare(_ world: World, web: String = "sleep -1") throws {
        try world.declare("db", does: .process("lines 50"))
        try world.declare(
            "web",
            "requires: [db]",
            "tags: [front]",
            does: .once("exit 0", name: "seed"),
            .process(web, "retry: {delay: 50ms}"),
            .process(name: "side")
        )
    }

    private let parts = [("db", "run"), ("web", "run"), ("web", "side")]

    private func lives(_ world: World) async throws -> [Life] {
        var lives: [Life] = []
        for (service, action) in parts { lives.append(try await world.life(service, action)) }
        return lives
    }

    private func jobs(_ world: World) async throws -> [Int: [String]] {
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
        try await World.with { world in
            try declare(world)
            try await world.apply()
            // One of them has a history that is worth keeping.
            #expect(kill(try await world.life("web").pid, SIGKILL) == 0)
            _ = try await world.life("web", number: 2)
            try await eventually("it is up again") { try await world.state(of: "web") == "running" }
            let before = try await lives(world)
            let known = try await jobs(world)
            try await world.killReconciler()
            try damage.inflict(on: world)

            let watch = try world.watch()
            _ = try await world.event("warning", "db_rebuilt", "made again around 3 jobs")
            #expect(world.reconciler == watch.pid)
            try await eventually("all is as wanted") { try await world.run("status").code == 0 }
            #expect(try await lives(world) == before, "nothing was started")
            #expect(world.lives("web", "seed").count == 1)
            #expect(try await jobs(world) == known)
            try await world.expectNoDifference()
            let lost = try await world.event("warning", "db_rebuilt", "are lost")
            #expect(lost["source"] as? String == "store")
            let kept = try FileManager.default.contentsOfDirectory(atPath: world.state).filter {
                $0.contains(".corrupt-")
            }
            #expect(damage == .removed ? kept.isEmpty : !kept.isEmpty, "\(kept)")

            // Supervised as before, and no number is given twice.
            #expect(kill(before[0].pid, SIGKILL) == 0)
            let healed = try await world.life("db", number: 2)
            #expect(healed.job == before[0].job && healed.restarts == 1)
            try declare(world, web: "wait 1 sleep -1")
            try await world.apply()
            let last = try #require(known.keys.max())
            #expect(try await world.jobs(of: "web").allSatisfy { $0["id"] as? Int ?? 0 > last })
        }
    }

    @Test(
        "DB-5: one that only keeps what was applied goes on with it, down or up, though the directory says something else"
    )
    func keptInBackground() async throws {
        try await World.with { world in
            try declare(world)
            try await world.apply()
            let before = try await lives(world)
            try await world.killReconciler()
            try Damage.zeroedHeader.inflict(on: world)
            // Somebody's draft: nobody has applied it.
            try declare(world, web: "exit 7")
            let keep = try world.start(["reconcile", "--watch", "--no-sync"])
            _ = try await world.event("warning", "db_rebuilt")
            #expect(world.reconciler == keep.pid)
            #expect(try await world.run("status").code == 0)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            #expect(try await world.life("web", number: 2).job == before[1].job)
            #expect(try await world.run("status", "-o", "json").json["revision"] as? Int == 1)

            // A down is not forgotten either.
            try declare(world)
            #expect(try await world.run("down").code == 0)
            try await world.killReconciler()
            for suffix in ["", "-wal", "-shm"] { unlink(world.database + suffix) }
            let again = try world.start(["reconcile", "--watch", "--no-sync"])
            _ = try await world.event("warning", "db_rebuilt")
            #expect(world.reconciler == again.pid)
            let counts = parts.map { world.lives($0.0, $0.1).count }
            try await world.apply()
            #expect(
                parts.map { world.lives($0.0, $0.1).count } == counts.map { $0 + 1 },
                "up with the apply, not before"
            )
        }
    }

    @Test(
        "DB-5: without the database and the copy of what was applied nothing stops, and nothing new starts before an apply"
    )
    func nothingIsKnown() async throws {
        try await World.with { world in
            try declare(world)
            try world.declare("idle", "status: stop")
            try await world.apply()
            let before = try await lives(world)
            try await world.killReconciler()
            try Damage.removed.inflict(on: world)
            unlink(world.state + "/applied.json")
            for _ in 1...2 {
                let keep = try world.start(["reconcile", "--watch", "--no-sync"])
                try await eventually("it keeps what runs") {
                    try await world.run("status", "-o", "json").json["revision"] as? Int == 1
                        && world.reconciler == keep.pid
                }
                _ = try await world.event("error", "apply them anew")
                #expect(try await lives(world) == before)
                try await world.killReconciler()
            }
            try await world.apply()
            #expect(try await lives(world) == before, "the same is no change")
            try await world.expectNoDifference()
        }
    }

    @Test("DB-5: damage under a live reconciler is found by the next apply, and all goes on")
    func whileAlive() async throws {
        try await World.with { world in
            try declare(world)
            try await world.apply()
            let before = try await lives(world)
            let reconciler = try #require(world.reconciler)
            let file = open(world.database, O_WRONLY)
            let zeros = [UInt8](repeating: 0, count: 4096)
            try #require(pwrite(file, zeros, zeros.count, 0) == zeros.count)
            close(file)
            // Closing it dropped no lock of the reconciler's: that is another process.
            unlink(world.database + "-wal")
            let answer = try await world.run("apply")
            #expect(answer.code == 0, "\(answer.err)")
            _ = try await world.event("warning", "db_rebuilt")
            #expect(world.reconciler == reconciler)
            #expect(try await lives(world) == before)
            try await world.expectNoDifference()
        }
    }
}

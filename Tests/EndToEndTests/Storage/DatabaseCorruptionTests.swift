import Foundation
import GRDB
import Glibc
import Testing

/// The database is damaged at random, again and again, while services run (reliability.md DB-5).
@Suite("A database that is damaged at random", .serialized)
struct DatabaseCorruptionTests {
    /// What is done to it; each way is that of the specification.
    private enum Damage: CaseIterable {
        case flippedBytes, flippedLog, truncatedDatabase, truncatedLog, otherDatabaseLog, zeroedHeader
    }

    private let actions = [("db", "run"), ("web", "run"), ("web", "side")]

    /// Declares a chain of two services; the round makes each revision another one, and restarts nobody.
    private func declare(_ world: TestHost, round: Int) throws {
        let label = "labels: {round: \"\(round)\"}"
        try world.declare("db", label, actions: .process("lines 50"))
        try world.declare(
            "web",
            "requires: [db]",
            label,
            actions: .oneShot("exit 0", name: "seed"),
            .process(),
            .process(name: "side")
        )
    }

    private func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    /// Changes so many bytes of a file, anywhere in it.
    private func flip(_ path: String, _ random: inout SeededGenerator) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for _ in 0..<Int.random(in: 1...4096, using: &random) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        }
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    /// Does it to a database that nobody has open.
    private func damageDatabase(_ damage: Damage, _ world: TestHost, _ random: inout SeededGenerator) throws {
        let (path, log) = (world.databasePath, world.databasePath + "-wal")
        let isOfLog = damage == .flippedLog || damage == .truncatedLog
        if !isOfLog, Bool.random(using: &random) {
            // All of it into the database itself: no log heals the damage.
            let queue = try DatabaseQueue(path: path)
            try queue.writeWithoutTransaction { _ = try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
            try queue.close()
        }
        switch damage {
        case .flippedBytes: try flip(path, &random)
        case .flippedLog: try flip(log, &random)
        case .truncatedDatabase:
            try #require(truncate(path, off_t(Int.random(in: 0..<size(path), using: &random))) == 0)
        case .truncatedLog: try #require(truncate(log, off_t(Int.random(in: 0...size(log), using: &random))) == 0)
        case .otherDatabaseLog:
            let other = world.root + "/other.db"
            for suffix in ["", "-wal", "-shm"] { unlink(other + suffix) }
            let queue = try DatabaseQueue(path: other)
            try queue.writeWithoutTransaction { db in
                _ = try Row.fetchAll(db, sql: "PRAGMA journal_mode = WAL")
                try db.execute(sql: "CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(40000))")
            }
            unlink(log)
            try FileManager.default.copyItem(atPath: other + "-wal", toPath: log)
            try queue.close()
        case .zeroedHeader:
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for index in 0..<min(100, bytes.count) { bytes[index] = 0 }
            try bytes.write(to: URL(fileURLWithPath: path))
        }
    }

    /// The databases that were kept aside.
    private func quarantinedDatabases(_ world: TestHost) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: world.stateDirectory).filter {
            $0.contains(".corrupt-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
        }.sorted()
    }

    /// The pids that are recorded as running, by action.
    private func recordedPIDs(_ world: TestHost) async throws -> [Int?] {
        let services = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        return actions.map { part in
            let actions = services.first { $0["name"] as? String == part.0 }?["actions"] as? [[String: Any]] ?? []
            return actions.first { $0["name"] as? String == part.1 }?["pid"] as? Int
        }
    }

    @Test("DB-5: whatever is done to the database around running services, none is touched, and what is lost is told")
    func randomDamage() async throws {
        try await TestHost.with { world in
            let seed = TestSettings.seed()
            var random = SeededGenerator(seed)
            var (told, unseen, slowest) = (0, 0, Duration.zero)
            try declare(world, round: 0)
            try await world.apply()
            var before: [OracleInstance] = []
            for (service, action) in actions {
                before.append(try await world.runningInstance(service, action, number: 1))
            }
            // Three hundred in the long form.
            let rounds = TestSettings.cycles(6, share: 3)
            for round in 1...rounds {
                // Something of it stands in the log alone: who was killed has moved nothing.
                try declare(world, round: round)
                try await world.apply()
                let kept = try quarantinedDatabases(world)
                try await world.killReconciler()
                let damage = Damage.allCases[(round - 1) % Damage.allCases.count]
                try damageDatabase(damage, world, &random)

                let began = ContinuousClock.now
                let watch = try world.startReconciler()
                try await eventually("all is as wanted after \(damage) in round \(round), seed \(seed)", within: 60) {
                    let isUp = try await world.run("status").exitCode == 0 && world.reconcilerPID == watch.pid
                    // Before it has begun, what is recorded may be of an older time.
                    let pids = try await recordedPIDs(world)
                    return isUp && pids == before.map { Int($0.pid) }
                }
                slowest = max(slowest, ContinuousClock.now - began)
                for (part, life) in zip(actions, before) {
                    #expect(
                        world.instances(part.0, part.1) == [life],
                        "\(part) after \(damage), round \(round), seed \(seed)"
                    )
                }
                #expect(world.instances("web", "seed").count == 1, "\(damage), round \(round), seed \(seed)")
                #expect(
                    try await recordedPIDs(world) == before.map { Int($0.pid) },
                    "\(damage), round \(round), seed \(seed)"
                )
                if try quarantinedDatabases(world) == kept {
                    unseen += 1
                } else {
                    told += 1
                    _ = try await world.waitForEvent("warning", "db_rebuilt", "are lost")
                }
            }
            // Supervised as ever.
            #expect(kill(before[0].pid, SIGKILL) == 0)
            #expect(try await world.runningInstance("db", number: 2).job == before[0].job)
            try await world.apply()
            try await world.expectEmptyDiff()
            #expect(told > 0)
            TestSettings.reportRow([
                "row": "DB-5 corruptions", "cycles": "\(rounds)", "instances": "\(actions.count)", "duplicates": "0",
                "slowest": "\(Int(slowest / .milliseconds(1))) ms", "seed": "\(seed)",
                "verdict": "0 restarts; \(told) told, \(unseen) an older state or harmless",
            ])
        }
    }
}

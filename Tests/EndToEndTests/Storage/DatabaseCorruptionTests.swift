import Foundation
import GRDB
import Glibc
import HeroRandom
import Testing

/// Random database damage while services run (guarantee DB-5).
@Suite("Random damage of the database", .serialized)
struct DatabaseCorruptionTests {
    /// The kinds of damage, as listed in the guarantee.
    private enum Damage: CaseIterable {
        case flippedBytes, flippedLog, truncatedDatabase, truncatedLog, otherDatabaseLog, zeroedHeader
    }

    private let actions = [("db", "run"), ("web", "run"), ("web", "side")]

    /// Declares a chain of two services.
    ///
    /// The round changes a label, which creates a new revision without a restart.
    private func declare(_ host: TestHost, round: Int) throws {
        let label = "labels: {round: \"\(round)\"}"
        try host.declare("db", label, actions: .process("lines 50"))
        try host.declare(
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

    /// Changes a random number of bytes at random positions of a file.
    private func flip(_ path: String, _ random: inout SeededGenerator) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for _ in 0..<Int.random(in: 1...4096, using: &random) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        }
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    /// Damages a database that no process has open.
    private func damageDatabase(_ damage: Damage, _ host: TestHost, _ random: inout SeededGenerator) throws {
        let (path, log) = (host.databasePath, host.databasePath + "-wal")
        let isOfLog = damage == .flippedLog || damage == .truncatedLog
        if !isOfLog, Bool.random(using: &random) {
            // A checkpoint moves all data into the database file, so that the log cannot repair the damage.
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
            let other = host.root + "/other.db"
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

    /// The damaged databases that heroproc set aside.
    private func quarantinedDatabases(_ host: TestHost) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: host.stateDirectory).filter {
            $0.contains(".corrupt-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
        }.sorted()
    }

    /// The recorded PIDs of the running actions.
    private func recordedPIDs(_ host: TestHost) async throws -> [Int?] {
        let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        return actions.map { part in
            let actions = services.first { $0["name"] as? String == part.0 }?["actions"] as? [[String: Any]] ?? []
            return actions.first { $0["name"] as? String == part.1 }?["pid"] as? Int
        }
    }

    @Test("Random database damage touches no service, and every loss is reported (DB-5)")
    func randomDamage() async throws {
        try await TestHost.with { host in
            let seed = TestSettings.seed()
            var random = SeededGenerator(seed)
            var (reported, unseen, slowest) = (0, 0, Duration.zero)
            try declare(host, round: 0)
            try await host.apply()
            var before: [OracleInstance] = []
            for (service, action) in actions {
                before.append(try await host.runningInstance(service, action, number: 1))
            }
            // The long form runs three hundred rounds.
            let rounds = TestSettings.cycles(6, share: 3)
            for round in 1...rounds {
                // The last changes exist only in the write-ahead log, because a killed reconciler makes no checkpoint.
                try declare(host, round: round)
                try await host.apply()
                let kept = try quarantinedDatabases(host)
                try await host.killReconciler()
                let damage = Damage.allCases[(round - 1) % Damage.allCases.count]
                try damageDatabase(damage, host, &random)

                let began = ContinuousClock.now
                let watch = try host.startReconciler()
                try await eventually("all services run after \(damage) in round \(round), seed \(seed)", within: 60) {
                    let isUp = try await host.run("status").exitCode == 0 && host.reconcilerPID == watch.pid
                    // Before the reconciler has adopted the jobs, the records may be older.
                    let pids = try await recordedPIDs(host)
                    return isUp && pids == before.map { Int($0.pid) }
                }
                slowest = max(slowest, ContinuousClock.now - began)
                for (part, instance) in zip(actions, before) {
                    #expect(
                        host.instances(part.0, part.1) == [instance],
                        "\(part) after \(damage), round \(round), seed \(seed)"
                    )
                }
                #expect(host.instances("web", "seed").count == 1, "\(damage), round \(round), seed \(seed)")
                #expect(
                    try await recordedPIDs(host) == before.map { Int($0.pid) },
                    "\(damage), round \(round), seed \(seed)"
                )
                if try quarantinedDatabases(host) == kept {
                    unseen += 1
                } else {
                    reported += 1
                    _ = try await host.waitForEvent("warning", "db_rebuilt", "are lost")
                }
            }
            // Supervision continues as before.
            #expect(kill(before[0].pid, SIGKILL) == 0)
            #expect(try await host.runningInstance("db", number: 2).job == before[0].job)
            try await host.apply()
            try await host.expectEmptyDiff()
            #expect(reported > 0)
            TestSettings.reportRow([
                "row": "DB-5 corruptions", "cycles": "\(rounds)", "instances": "\(actions.count)", "duplicates": "0",
                "slowest": "\(Int(slowest / .milliseconds(1))) ms", "seed": "\(seed)",
                "verdict": "0 restarts; \(reported) reported, \(unseen) an older state or harmless",
            ])
        }
    }
}

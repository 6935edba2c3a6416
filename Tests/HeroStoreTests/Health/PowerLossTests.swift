import Foundation
import GRDB
import HeroModel
import HeroRandom
import Synchronization
import TestSupport
import Testing

@testable import HeroStore

/// Writes until the power is cut, and stores the number of the last acknowledged batch in a file outside of the disk.
///
/// Batches that are acknowledged during the cut do not count, because a real machine could not report them.
private func writeUntilCut(_ disk: TestDisk, microseconds: UInt32, isSafe: Bool) {
    runOnOwnThread {
        guard disk.mount(), let store = try? StateStore.open(path: disk.database, at: now) else { exit(9) }
        if !isSafe { try? store.queue.inDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") } }
        let device = open(disk.root, O_RDONLY | O_DIRECTORY)
        guard device >= 0, let first = try? store.load().lastJob else { exit(9) }
        let acknowledged = Mutex(first)
        Thread.detachNewThread {
            usleep(microseconds)
            let text = "\(acknowledged.withLock { $0 })"
            guard (try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.acknowledged))) != nil else { exit(9) }
            TestDisk.cutPower(device)
        }
        var number = first
        while true {
            number += 1
            let start = StartRecord(job: number, generation: 1, startedAt: now, endedAt: now, outcome: .exited(3))
            var batch: [StoreChange] = [.job(job(number, phase: .running)), .start(start), .event(event("\(number)"))]
            if number % 10 == 0 { batch.append(.revision(revision(number), files: [], documents: [])) }
            guard (try? store.commit(batch)) != nil else { break }
            acknowledged.withLock { $0 = number }
        }
        exit(0)
    }
}

/// Checks the database after the power is back, and reports the last number and the revision, or the error.
private func examine(_ disk: TestDisk) {
    runOnOwnThread {
        guard disk.mount() else { exit(9) }
        var text: String
        do {
            let store = try StateStore.open(path: disk.database, at: now)
            let state = try store.load()
            let result = try store.queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
            let whole = state.jobs.allSatisfy { (try? store.reader.starts(of: $0.id).count) == 1 }
            text = "\(state.lastJob) \(state.revision?.number ?? 0) \(state.jobs.count) \(result ?? "") \(whole)"
            if let quarantine = store.quarantine { text = "quarantined: \(quarantine.reason)" }
        } catch {
            text = "\(error)"
        }
        try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.report))
        exit(0)
    }
}

@Suite("Power loss", .serialized, .enabled(if: canMountLoop, "needs root, ext4 and a loop device"))
struct PowerLossTests {
    /// 200 rounds in the long form.
    private static let rounds = TestSettings.cycles(3, share: 5)

    /// Performs one cut; returns the number of lost batches.
    private func round(_ disk: TestDisk, microseconds: UInt32, isSafe: Bool) async throws -> Int64 {
        await #expect(processExitsWith: .exitCode(0)) {
            [disk = disk as TestDisk, microseconds = microseconds as UInt32, isSafe = isSafe as Bool] in
            writeUntilCut(disk, microseconds: microseconds, isSafe: isSafe)
        }
        try await disk.detach()
        await #expect(processExitsWith: .exitCode(0)) { [disk = disk as TestDisk] in examine(disk) }
        try await disk.detach()
        let text = try String(contentsOfFile: disk.acknowledged, encoding: .utf8)
        let acknowledged = try #require(Int64(text))
        let result = try String(contentsOfFile: disk.report, encoding: .utf8)
        let fields = result.split(separator: " ").map(String.init)
        guard fields.count == 5, let last = Int64(fields[0]), let revision = Int64(fields[1]) else {
            Issue.record("not a database: \(result)")
            return .max
        }
        #expect(fields[2] == fields[0] && fields[3] == "ok" && fields[4] == "true", "\(result)")
        if isSafe { #expect(revision >= acknowledged / 10 * 10, "a revision is lost") }
        return acknowledged - last
    }

    @Test("A power loss loses no acknowledged change (DB-2)")
    func losesNothing() async throws {
        let directory = try TestDirectory()
        let disk = try TestDisk(directory)
        let seed = TestSettings.seed()
        var generator = SeededGenerator(seed)
        for _ in 0..<Self.rounds {
            let lost = try await round(
                disk,
                microseconds: UInt32.random(in: 20_000...400_000, using: &generator),
                isSafe: true
            )
            #expect(lost <= 0, "seed \(seed)")
        }
        TestSettings.reportRow([
            "row": "DB-2 power cuts", "cycles": "\(Self.rounds)", "seed": "\(seed)", "verdict": "0 lost",
        ])
        withExtendedLifetime(directory) {}
    }

    @Test("Without synchronous writes a power loss loses acknowledged changes (control, DB-2)")
    func losesWithoutSync() async throws {
        let directory = try TestDirectory()
        // On a busy machine few changes are written before the cut.
        var lost: Int64 = 0
        for _ in 1...5 where lost <= 0 {
            lost = try await round(TestDisk(directory), microseconds: 300_000, isSafe: false)
        }
        #expect(lost > 0)
        withExtendedLifetime(directory) {}
    }
}

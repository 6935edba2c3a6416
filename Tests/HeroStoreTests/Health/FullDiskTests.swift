import Foundation
import GRDB
import HeroModel
import TestSupport
import Testing

@testable import HeroStore

/// The changes of a crash with a restart, and sometimes of an apply.
private func crashRestartChanges(_ number: Int64) -> [StoreChange] {
    var record = job(number % 40 + 1, phase: .running)
    record.generation = UInt32(number)
    let start = StartRecord(job: record.id, generation: record.generation, startedAt: now, outcome: .exited(3))
    var batch: [StoreChange] = [
        .job(record), .start(start), .event(event("crashed for the \(number)th time; next try in 1s")),
    ]
    if number % 100 == 0 {
        let text = String(repeating: "# \(number)\n", count: 200)
        batch.append(.revision(revision(number / 100), files: [file("web.yaml", text)], documents: []))
    }
    return batch
}

/// Writes on a full disk and reports how many change sets were stored before and after it was full.
private func writeOnFullDisk(_ disk: TestDisk, inMemory: Bool, count: Int64) {
    runOnOwnThread {
        guard disk.mount(inMemory: inMemory), let store = try? StateStore.open(path: disk.database, at: now),
            store.restoreReserve()
        else { exit(9) }
        for number in 1...100 as ClosedRange<Int64> where (try? store.commit(crashRestartChanges(number))) == nil {
            exit(8)
        }
        fillDisk(disk.root + "/fill")
        // Writes into allocated space, as in the log, still succeed for a while.
        var (before, after): (Int64, Int64) = (0, 0)
        while !store.isReserveMissing, before < 100_000 {
            guard (try? store.commit(crashRestartChanges(101 + before))) != nil else { break }
            before += 1
        }
        while store.isReserveMissing, after < count {
            guard (try? store.commit(crashRestartChanges(101 + before + after))) != nil else { break }
            after += 1
        }
        let result = try? store.queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        unlink(disk.root + "/fill")
        let text = "\(before) \(after) \(result ?? "nothing") \(store.restoreReserve())"
        try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.report))
        exit(0)
    }
}

@Suite("Full disk", .serialized, .enabled(if: canMountLoop, "needs root, ext4 and a loop device"))
struct FullDiskTests {
    @Test(
        "The reserve allows a thousand change sets on a full disk (DB-6)",
        arguments: [false, true]
    )
    func storesThousandChanges(inMemory: Bool) async throws {
        let directory = try TestDirectory()
        let disk = try TestDisk(directory)
        let count = Int64(TestSettings.cycles(1000))
        await #expect(processExitsWith: .exitCode(0)) {
            [disk = disk as TestDisk, inMemory = inMemory as Bool, count = count as Int64] in
            writeOnFullDisk(disk, inMemory: inMemory, count: count)
        }
        try await disk.detach()
        let fields = try String(contentsOfFile: disk.report, encoding: .utf8).split(separator: " ")
        try #require(fields.count == 4)
        #expect(Int64(fields[1]) == count && fields[2] == "ok" && fields[3] == "true", "\(fields)")
        let name = "DB-6 writes, \(inMemory ? "tmpfs" : "ext4")"
        TestSettings.reportRow([
            "row": name, "cycles": "\(fields[1])", "verdict": "all stored, \(fields[0]) before the first FULL",
        ])
        withExtendedLifetime(directory) {}
    }
}

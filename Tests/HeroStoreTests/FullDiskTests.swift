import Foundation
import GRDB
import HeroModel
import TestSupport
import Testing

@testable import HeroStore

/// Takes all the room that is left, to the last byte.
private func fillDisk(_ path: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    for size in [1 << 16, 4096, 1] {
        let zeros = [UInt8](repeating: 0, count: size)
        while write(file, zeros, size) > 0 {}
    }
    fsync(file)
    close(file)
}

/// What a reconciler stores when a program crashes and is started again; now and then somebody applies.
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

/// Writes on a full disk; how many turns were stored before it was full, and how many from then on.
private func writeOnFullDisk(_ disk: TestDisk, inMemory: Bool, turns: Int64) {
    runOnOwnThread {
        guard disk.mount(inMemory: inMemory), let store = try? StateStore.open(path: disk.database, at: now),
            store.restoreReserve()
        else { exit(9) }
        for number in 1...100 as ClosedRange<Int64> where (try? store.commit(crashRestartChanges(number))) == nil {
            exit(8)
        }
        fillDisk(disk.root + "/fill")
        // What has room already, as in its log, can be written for a while.
        var (before, after): (Int64, Int64) = (0, 0)
        while !store.isReserveMissing, before < 100_000 {
            guard (try? store.commit(crashRestartChanges(101 + before))) != nil else { break }
            before += 1
        }
        while store.isReserveMissing, after < turns {
            guard (try? store.commit(crashRestartChanges(101 + before + after))) != nil else { break }
            after += 1
        }
        let verdict = try? store.queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        unlink(disk.root + "/fill")
        let text = "\(before) \(after) \(verdict ?? "nothing") \(store.restoreReserve())"
        try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.report))
        exit(0)
    }
}

@Suite("A full disk", .serialized, .enabled(if: canMountLoop, "needs root, ext4 and a loop device"))
struct FullDiskTests {
    @Test(
        "DB-6: once the disk is full to the last byte, a thousand turns can be stored, and the reserve is made again",
        arguments: [false, true]
    )
    func storesThousandChanges(inMemory: Bool) async throws {
        let directory = try TestDirectory()
        let disk = try TestDisk(directory)
        let turns = Int64(TestSettings.cycles(1000))
        await #expect(processExitsWith: .exitCode(0)) {
            [disk = disk as TestDisk, inMemory = inMemory as Bool, turns = turns as Int64] in
            writeOnFullDisk(disk, inMemory: inMemory, turns: turns)
        }
        try await disk.detach()
        let words = try String(contentsOfFile: disk.report, encoding: .utf8).split(separator: " ")
        try #require(words.count == 4)
        #expect(Int64(words[1]) == turns && words[2] == "ok" && words[3] == "true", "\(words)")
        let name = "DB-6 writes, \(inMemory ? "tmpfs" : "ext4")"
        TestSettings.reportRow([
            "row": name, "cycles": "\(words[1])", "verdict": "all stored, \(words[0]) before the first FULL",
        ])
        withExtendedLifetime(directory) {}
    }
}

import Foundation
import GRDB
import HeroModel
import TestSupport
import Testing

@testable import HeroStore

@Suite("Store outages")
struct StoreOutageTests {
    @Test("A commit fails when the database file was renamed (DB-4)", arguments: ["", "-wal"])
    func renamedFile(suffix: String) throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.event(event("first"))])
        #expect(rename(directory.database + suffix, directory.path + "/elsewhere") == 0)
        let error = #expect(throws: StoreError.self) { try store.commit([.event(event("lost"))]) }
        #expect(error?.kind == .gone)
        #expect(error?.message.contains("was removed or replaced") == true)
        // After the file is renamed back, commits succeed.
        #expect(rename(directory.path + "/elsewhere", directory.database + suffix) == 0)
        try store.commit([.event(event("second"))])
        #expect(try store.reader.events().map(\.text) == ["first", "second"])
    }

    @Test("A replaced database is quarantined and not written (DB-4)")
    func replacedDatabase() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.event(event("first"))])
        try Data("another".utf8).write(to: URL(fileURLWithPath: directory.database), options: .atomic)
        #expect(storeErrorKind { try store.commit([.event(event("lost"))]) } == .gone)
        try store.recreate(because: "it was replaced", at: now)
        try store.commit([.event(event("second"))])
        let kept = try #require(store.quarantine?.path)
        #expect(try String(contentsOfFile: kept, encoding: .utf8) == "another")
    }

    @Test("A commit does not wait long for locks during an outage (DB-4)")
    func shortBusyTimeout() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.event(event("first"))])
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: directory.database, configuration: configuration)
        try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        store.setBusyTimeout(duringOutage: true)
        let began = ContinuousClock.now
        #expect(storeErrorKind { try store.commit([.event(event("delayed"))]) } == .busy)
        #expect(ContinuousClock.now - began < .seconds(4))
        try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try store.commit([.event(event("second"))])
        store.setBusyTimeout(duringOutage: false)
        #expect(try store.queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA busy_timeout") } == 5000)
        try other.close()
    }

    @Test("A reopened store has all stored changes (DB-4)")
    func reopened() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        try store.commit([.service(service("web"))])
        for _ in 0..<20 { try store.reopen() }
        try store.commit([.service(service("web", run: 4)), .event(event("on"))])
        #expect(try store.load().services.map(\.run) == [4])
        #expect(store.closedConnections.count <= 8)
    }

    @Test("A lost database is distinguished from one that never existed (DB-4)")
    func detectsLostDatabase() throws {
        let directory = try TestDirectory()
        let path = directory.database
        #expect(!StateStore.isLost(path: path))
        let store = try StateStore.open(path: path, at: WallTime(microseconds: 0))
        #expect(!StateStore.isLost(path: path))
        unlink(path)
        #expect(StateStore.isLost(path: path))
        try FileManager.default.removeItem(atPath: directory.path)
        #expect(StateStore.isLost(path: path))
        store.close()
    }

    @Test("The reserve takes 4 MiB, is released once and is restored (DB-6)")
    func reserve() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        let path = directory.path + "/heroproc.reserve"
        func blocks() -> Int64 {
            var file = stat()
            return stat(path, &file) == 0 ? Int64(file.st_blocks) * 512 : 0
        }
        #expect(blocks() >= ReserveFile.size && !store.isReserveMissing && !store.takeReserveReleased())
        #expect(store.releaseReserve())
        #expect(blocks() == 0 && store.isReserveMissing)
        #expect(store.takeReserveReleased() && !store.takeReserveReleased())
        #expect(!store.releaseReserve(), "the reserve is already released")
        let pages = try store.queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA wal_autocheckpoint") }
        #expect(pages == 100)
        #expect(store.restoreReserve() && !store.isReserveMissing && blocks() >= ReserveFile.size)
        #expect(try store.queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA wal_autocheckpoint") } == 1000)
    }

    @Test(
        "Database, rows and log stay bounded under endless restarts (DB-9)",
        .timeLimit(.minutes(5))
    )
    func growth() throws {
        // A million starts with HP_TORTURE=1000.
        let thousands = TestSettings.cycles(12)
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        var record = job(1, phase: .running)
        var generation: UInt32 = 0
        var largestLog: UInt64 = 0
        for _ in 0..<thousands {
            for _ in 0..<20 {
                var batch: [StoreChange] = []
                for _ in 0..<50 {
                    generation += 1
                    record.generation = generation
                    record.restartCount += 1
                    batch.append(.job(record))
                    batch.append(
                        .start(StartRecord(job: 1, generation: generation, startedAt: now, outcome: .exited(1)))
                    )
                    batch.append(.event(event("crashed for the \(generation)th time; next try in 1s")))
                }
                try store.commit(batch)
            }
            largestLog = max(largestLog, try Connection.fileSize(path: directory.database + "-wal") ?? 0)
        }
        #expect(try store.reader.starts(of: 1).count == Recorder.maxStartsPerJob)
        let events = try store.reader.events().count
        #expect(events <= Recorder.maxEvents + Recorder.eventsBetweenPrunings)
        #expect(largestLog <= 16 << 20)
        _ = try store.queue.inDatabase { try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        let size = try Connection.fileSize(path: directory.database) ?? 0
        #expect(size <= 64 << 20)
        #expect(size <= 8 << 20, "\(size) bytes for \(events) events")
    }
}

import Foundation
import GRDB
import HeroModel
import Synchronization
import Testing

@testable import HeroStore

/// The error of another thread.
private final class ThreadFailure: Sendable {
    private let found = Mutex<String?>(nil)

    var text: String? { found.withLock { $0 } }

    func recording(_ body: () throws -> Void) {
        do { try body() } catch { found.withLock { $0 = "\(error)" } }
    }
}

@Suite("Durability")
struct DurabilityTests {
    @Test("The writer has the settings for durability and private files (DB-1)")
    func writerPragmas() throws {
        let directory = try TestDirectory()
        let store = try StateStore(path: directory.database)
        try store.commit([.event(event("first"))])
        let queue = try Connection.openWriter(path: directory.database).queue
        for (pragma, value) in [
            ("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000"),
            ("mmap_size", "0"), ("trusted_schema", "0"), ("auto_vacuum", "2"), ("user_version", "\(Schema.version)"),
            ("application_id", "\(Schema.applicationID)"),
        ] {
            let found = try queue.inDatabase { try DatabaseValue.fetchOne($0, sql: "PRAGMA \(pragma)") }
            #expect(found.map { String.fromDatabaseValue($0) ?? "\($0)" } == value, "\(pragma)")
        }
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.database + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
        }
    }

    @Test("A reader can neither write nor checkpoint")
    func readerPragmas() throws {
        let directory = try TestDirectory()
        let store = try StateStore(path: directory.database)
        try store.commit([.event(event("first"))])
        let before = try directory.contents()
        do {
            let queue = try #require(try Connection.openReader(path: directory.database))
            #expect(throws: DatabaseError.self) {
                try queue.inDatabase { try $0.execute(sql: "DELETE FROM events") }
            }
            #expect(try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA query_only") } == 1)
            #expect(try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA mmap_size") } == 0)
            try queue.close()
        }
        #expect(try directory.contents() == before)
        #expect(try store.reader.events() == [event("first")])
    }

    @Test("A failed batch writes nothing and can be repeated")
    func atomicity() throws {
        let store = try StateStore.inMemory()
        var poisoned = service("poisoned")
        poisoned.spec.actions[0].retry.jitter = .nan  // JSON cannot represent it.
        let good = service("good")
        #expect(throws: StoreError.self) {
            try store.commit([.service(good), .job(job(1)), .event(event("lost")), .service(poisoned)])
        }
        #expect(try store.load() == StoredState())
        #expect(try store.reader.events() == [])
        // No change of the failed batch may be treated as written.
        try store.commit([.service(good), .job(job(1))])
        #expect(try store.load().services == [good])
    }

    @Test("A commit fails on a full disk and succeeds with free space (DB-4)")
    func fullDisk() throws {
        let directory = try TestDirectory()
        let queue = try Connection.openWriter(path: directory.database).queue
        let store = StateStore(path: directory.database, queue: queue)
        try store.commit([.job(job(1))])
        func limit(_ pages: Int) throws {
            _ = try queue.inDatabase { try Int.fetchOne($0, sql: "PRAGMA max_page_count = \(pages)") }
        }
        try limit(1)
        let batch = (0..<2000).map { StoreChange.event(event("event \($0)")) } + [.job(job(2))]
        let kind = storeErrorKind { try store.commit(batch) }
        #expect(kind == .full)
        #expect(try store.reader.jobs().map(\.id) == [1])
        #expect(try store.reader.events() == [])
        try limit(1_000_000)
        try store.commit(batch)
        #expect(try store.reader.jobs().map(\.id) == [2, 1])
    }

    @Test("A reader sees complete batches only while a writer is busy", .timeLimit(.minutes(1)))
    func readersWhileWriting() throws {
        let directory = try TestDirectory()
        let path = directory.database
        try StateStore(path: path).commit([.job(job(1)), .job(job(2))])
        let failure = ThreadFailure()
        // Its own thread, because all threads of the pool may be busy with tests.
        Thread.detachNewThread {
            failure.recording {
                let store = try StateStore(path: path)
                for attempt in 1...300 {
                    var pair = [job(1), job(2)]
                    for index in pair.indices { pair[index].attempt = attempt }
                    try store.commit(pair.map { .job($0) })
                }
            }
        }
        let reader = try #require(try StateReader(path: path))
        var last = 0
        while last < 300, failure.text == nil {
            let attempts = try reader.jobs().map(\.attempt)
            #expect(attempts.count == 2 && attempts.first == attempts.last)
            let seen = try #require(attempts.first)
            #expect(seen >= last)
            last = seen
        }
        #expect(failure.text == nil)
    }

    @Test("A killed writer leaves a valid database with every acknowledged batch (DB-3)")
    func killed() async throws {
        let directory = try TestDirectory()
        let path = directory.database
        for round in 0..<8 {
            let first = try StateStore(path: path).load().lastJob
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, first = first as Int64, round = round as Int] in
                let store = try StateStore(path: path)
                let acknowledged = try #require(fopen(path + ".acknowledged", "w"))
                Thread.detachNewThread {
                    usleep(UInt32(2_000 + round * 3_517))
                    kill(getpid(), SIGKILL)
                }
                var next = first + 1
                while true {
                    // Large enough for checkpoints.
                    try store.commit((next..<(next + 50)).map { .job(job($0, phase: .running)) })
                    next += 50
                    rewind(acknowledged)
                    fputs("\(next - 1)\n", acknowledged)
                    fflush(acknowledged)
                }
            }
            let text = try String(contentsOfFile: path + ".acknowledged", encoding: .utf8)
            let acknowledged = Int64(text.split(separator: "\n").first ?? "") ?? first
            let store = try StateStore(path: path)
            let state = try store.load()
            #expect(state.lastJob >= acknowledged)
            #expect(state.lastJob % 50 == 0)
            #expect(state.jobs.map(\.id) == Array(1..<(state.lastJob + 1)))
            let result = try #require(try Connection.openReader(path: path)).inDatabase {
                try String.fetchOne($0, sql: "PRAGMA integrity_check")
            }
            #expect(result == "ok")
        }
    }
}

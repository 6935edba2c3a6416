import Foundation
import GRDB
import HeroModel
import Testing

@testable import HeroStore

@Suite("Opening a database")
struct OpeningTests {
    /// A database with a part of it still in its log, as a killed writer leaves it.
    private func copyOfOpenDatabase(_ sql: String) throws -> TestDirectory {
        let live = try TestDirectory()
        let queue = try Connection.openWriter(path: live.database).queue
        try StateStore(path: live.database, queue: queue).commit([.job(job(1, phase: .running))])
        try queue.inDatabase { try $0.execute(sql: sql) }
        let copy = try TestDirectory()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: live.database + suffix, toPath: copy.database + suffix)
        }
        withExtendedLifetime(queue) {}
        return copy
    }

    @Test("DB-8: a database of a newer heroproc is refused, and not a byte of it changes")
    func newer() throws {
        let directory = try copyOfOpenDatabase("PRAGMA user_version = \(Schema.version + 1)")
        let before = try directory.contents()
        #expect(before.keys.sorted() == ["heroproc.db", "heroproc.db-wal"])
        #expect(storeErrorKind { _ = try StateStore(path: directory.database) } == .newer)
        #expect(storeErrorKind { _ = try StateReader(path: directory.database) } == .newer)
        #expect(try directory.contents() == before)
    }

    @Test("A killed writer's log is read by the next reader and the next writer alike")
    func readsLeftoverWAL() throws {
        let directory = try copyOfOpenDatabase("SELECT 1")
        #expect(try StateReader(path: directory.database)?.jobs().map(\.id) == [1])
        #expect(try StateStore(path: directory.database).load().jobs.map(\.id) == [1])
    }

    @Test("What is not our database is refused and left as it is", arguments: ["foreign", "garbage"])
    func foreign(kind: String) throws {
        let directory = try TestDirectory()
        if kind == "foreign" {
            let queue = try DatabaseQueue(path: directory.database)
            try queue.write { try $0.execute(sql: "CREATE TABLE mine (id INTEGER)") }
            try queue.close()
        } else {
            try Data(repeating: 0x55, count: 9000).write(to: URL(fileURLWithPath: directory.database))
        }
        let before = try directory.contents()
        #expect(storeErrorKind { _ = try StateStore(path: directory.database) } == .damaged)
        #expect(storeErrorKind { _ = try StateReader(path: directory.database) } == .damaged)
        #expect(try directory.contents() == before)
    }

    @Test("No database yet is no error for a reader, and an empty file is none yet")
    func absent() throws {
        let directory = try TestDirectory()
        #expect(try StateReader(path: directory.database) == nil)
        #expect(!FileManager.default.fileExists(atPath: directory.database))
        try Data().write(to: URL(fileURLWithPath: directory.database))
        #expect(try StateReader(path: directory.database) == nil)
        #expect(try StateStore(path: directory.database).load() == StoredState())
        #expect(try StateReader(path: directory.database)?.revision() == nil)
    }

    @Test("A directory that is missing is named, with what to do")
    func missingDirectory() throws {
        let path = try TestDirectory().path + "/no/heroproc.db"
        let error = #expect(throws: StoreError.self) { _ = try StateStore(path: path) }
        #expect(error?.kind == .inaccessible)
        #expect(error?.message.hasPrefix("cannot create the state database \(path): ") == true)
        #expect(error?.message.contains("check that its directory exists") == true)
    }

    @Test(
        "A row that this program cannot have written is an error that names it, never a crash",
        arguments: [
            ("UPDATE jobs SET phase = 'bogus'", "\"bogus\""),
            ("UPDATE jobs SET created_at = 'yesterday'", "the time \"yesterday\""),
            ("UPDATE jobs SET generation = -1", "no UInt32"),
            ("UPDATE jobs SET tags = '[1'", "the JSON of"),
            ("UPDATE jobs SET outcome = '{}'", "the JSON of Outcome"),
            ("UPDATE jobs SET pid = 99999999999, boot_id = ''", "no Int32"),
        ]
    )
    func unreadableRow(sql: String, expected: String) throws {
        let directory = try copyOfOpenDatabase(sql)
        let store = try StateStore(path: directory.database)
        let error = #expect(throws: StoreError.self) { _ = try store.reader.jobs() }
        #expect(error?.kind == .damaged)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        // It can still be written: what follows must not be lost because of it.
        try store.commit([.job(job(1)), .event(event("on"))])
        #expect(try store.reader.events() == [event("on")])
    }
}

import Foundation
import GRDB
import HeroModel
import Testing

@testable import HeroStore

@Suite("Opening a database")
struct OpeningTests {
    /// A copy of an open database with part of the data in its log, as a killed writer leaves it.
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

    @Test("A database of a newer heroproc is refused and not changed (DB-8)")
    func newer() throws {
        let directory = try copyOfOpenDatabase("PRAGMA user_version = \(Schema.version + 1)")
        let before = try directory.contents()
        #expect(before.keys.sorted() == ["heroproc.db", "heroproc.db-wal"])
        #expect(storeErrorKind { _ = try StateStore(path: directory.database) } == .newer)
        #expect(storeErrorKind { _ = try StateReader(path: directory.database) } == .newer)
        #expect(try directory.contents() == before)
    }

    @Test("The next reader and writer read the log of a killed writer")
    func readsLeftoverWAL() throws {
        let directory = try copyOfOpenDatabase("SELECT 1")
        #expect(try StateReader(path: directory.database)?.jobs().map(\.id) == [1])
        #expect(try StateStore(path: directory.database).load().jobs.map(\.id) == [1])
    }

    @Test("A foreign database is refused and not changed", arguments: ["foreign", "garbage"])
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

    @Test("A missing or empty database is no error for a reader")
    func absent() throws {
        let directory = try TestDirectory()
        #expect(try StateReader(path: directory.database) == nil)
        #expect(!FileManager.default.fileExists(atPath: directory.database))
        try Data().write(to: URL(fileURLWithPath: directory.database))
        #expect(try StateReader(path: directory.database) == nil)
        #expect(try StateStore(path: directory.database).load() == StoredState())
        #expect(try StateReader(path: directory.database)?.revision() == nil)
    }

    @Test("The error for a missing directory contains the path and a remedy")
    func missingDirectory() throws {
        let path = try TestDirectory().path + "/no/heroproc.db"
        let error = #expect(throws: StoreError.self) { _ = try StateStore(path: path) }
        #expect(error?.kind == .inaccessible)
        #expect(error?.message.hasPrefix("cannot create the state database \(path): ") == true)
        #expect(error?.message.contains("check that its directory exists") == true)
    }

    @Test(
        "An invalid row is reported as an error and never crashes",
        arguments: [
            ("UPDATE jobs SET phase = 'bogus'", "\"bogus\""),
            ("UPDATE jobs SET created_at = 'yesterday'", "the invalid time \"yesterday\""),
            ("UPDATE jobs SET generation = -1", "not a value of UInt32"),
            ("UPDATE jobs SET tags = '[1'", "invalid JSON of"),
            ("UPDATE jobs SET outcome = '{}'", "invalid JSON of Outcome"),
            ("UPDATE jobs SET pid = 99999999999, boot_id = ''", "not a value of Int32"),
        ]
    )
    func unreadableRow(sql: String, expected: String) throws {
        let directory = try copyOfOpenDatabase(sql)
        let store = try StateStore(path: directory.database)
        let error = #expect(throws: StoreError.self) { _ = try store.reader.jobs() }
        #expect(error?.kind == .damaged)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        // Changes can still be written.
        try store.commit([.job(job(1)), .event(event("on"))])
        #expect(try store.reader.events() == [event("on")])
    }
}

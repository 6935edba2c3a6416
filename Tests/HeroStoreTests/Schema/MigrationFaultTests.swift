import Foundation
import GRDB
import HeroModel
import Synchronization
import TestSupport
import Testing

@testable import HeroStore

/// Migrates a database and calls `before` with the number of each statement.
private func migrate(_ path: String, _ before: @escaping @Sendable (Int) -> Void) throws {
    let count = Mutex(0)
    let (queue, _) = try Connection.openWriter(path: path) { db in
        db.trace { _ in
            before(
                count.withLock { count in
                    count += 1
                    return count
                }
            )
        }
    }
    try queue.close()
}

@Suite("Interrupted migrations")
struct MigrationFaultTests {
    /// The columns that later versions add to tables of version 1.
    private static let addedColumns: Set = [
        "repository", "git_ref", "git_path", "git_author", "git_subject", "git_signer",
        "wanted", "hold", "deferred", "contents", "reload_failure", "goes_back_to",
    ]

    /// The important rows, in the columns of version 1.
    private func rows(_ path: String) throws -> [String] {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { db in
            try ["revisions", "services", "actions", "runs", "starts", "events"].flatMap {
                try Row.fetchAll(db, sql: "SELECT * FROM \($0)").map { row in
                    row.filter { !Self.addedColumns.contains($0.0) }.map { "\($0.0): \($0.1)" }.joined(separator: ", ")
                }
            } + Row.fetchAll(db, sql: "SELECT id, phase, tags, outcome FROM jobs").map(\.description)
        }
    }

    private func version(_ path: String) throws -> Int64? {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { try Int64.fetchOne($0, sql: "PRAGMA user_version") }
    }

    @Test(
        "A killed migration leaves a complete database of either version (DB-8, FP-MIG)"
    )
    func killed() async throws {
        let total = Mutex(0)
        let whole = try VersionOneDatabase.make()
        try migrate(whole.database) { number in total.withLock { $0 = number } }
        let statements = total.withLock { $0 }
        #expect(statements > 20)
        for number in stride(from: 2, through: statements, by: TestSettings.isLong ? 1 : 7) {
            let directory = try VersionOneDatabase.make()
            let path = directory.database
            let before = try rows(path)
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, number = number as Int] in
                try migrate(path) { if $0 == number { kill(getpid(), SIGKILL) } }
            }
            // The backup has the data from before the first change.
            #expect(try version(DatabaseBackup.path(of: path, version: 1)) == 1)
            #expect(try rows(DatabaseBackup.path(of: path, version: 1)) == before)
            // The next store completes the migration.
            let store = try StateStore(path: path)
            #expect(try store.load().lastJob == 7)
            #expect(try version(path) == Schema.version)
            #expect(try rows(path) == before, "statement \(number)")
            #expect(!store.isDamaged)
            withExtendedLifetime(directory) {}
        }
    }

    @Test("A reader sees no database or a complete one during its creation (DB-8)")
    func readWhileCreated() throws {
        let directory = try TestDirectory()
        let path = directory.database
        let failures = Mutex<[String]>([])
        let versions = Mutex<Set<Int64?>>([])
        try migrate(path) { number in
            do {
                let version = try version(path)
                _ = versions.withLock { $0.insert(version) }
                let reader = try StateReader(path: path)
                #expect((reader == nil) == (version == 0))
                #expect(try reader?.revision() == nil && reader?.standaloneSummaries().isEmpty != false)
            } catch {
                failures.withLock { $0.append("statement \(number): \(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(versions.withLock { $0 } == [0, Schema.version])
    }

    @Test("A migration saves exactly one usable copy of the former version (DB-8)")
    func backup() throws {
        let directory = try VersionOneDatabase.make()
        let path = directory.database
        let before = try rows(path)
        _ = try StateStore(path: path)
        _ = try StateStore(path: path)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.contains(".v") }
        #expect(names == ["heroproc.db.v1"])
        let copy = DatabaseBackup.path(of: path, version: 1)
        #expect(try version(copy) == 1)
        #expect(try rows(copy) == before)
        var file = stat()
        #expect(stat(copy, &file) == 0 && file.st_mode & 0o777 == 0o600)
        let queue = try DatabaseQueue(path: copy)
        #expect(try queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }

    @Test("A migration changes nothing when the copy cannot be saved (DB-8)")
    func backupImpossible() throws {
        let directory = try VersionOneDatabase.make()
        let target = DatabaseBackup.path(of: directory.database, version: 1)
        // A directory occupies the name of the copy.
        mkdir(target, 0o700)
        try Data().write(to: URL(fileURLWithPath: target + "/full"))
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.database))
        #expect(storeErrorKind { _ = try StateStore(path: directory.database) } == .inaccessible)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.database)) == before)
    }
}

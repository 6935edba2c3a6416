internal import Foundation
internal import GRDB

/// A copy of the database that is made before a migration (guarantee DB-8).
enum DatabaseBackup {
    /// The path of the copy of a version.
    static func path(of database: String, version: Int64) -> String { "\(database).v\(version)" }

    /// Copies a database, including the part that is still in its write-ahead log.
    ///
    /// The copy is complete or does not exist.
    ///
    /// A copy of an interrupted migration is replaced: the data of that version has not changed since.
    static func make(of queue: DatabaseQueue, path: String, version: Int64) throws {
        let target = self.path(of: path, version: version)
        let temporaryPath = target + ".new"
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(temporaryPath + suffix) }
        let copy = try DatabaseQueue(path: temporaryPath)
        try queue.backup(to: copy)
        // The copy is complete without a log.
        try copy.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        try copy.close()
        for suffix in ["-journal", "-wal", "-shm"] { unlink(temporaryPath + suffix) }
        chmod(temporaryPath, 0o600)
        guard rename(temporaryPath, target) == 0 else {
            let cause = String(cString: strerror(errno))
            throw StoreError(.inaccessible, "cannot save a copy of the state database as \(target): \(cause)")
        }
    }
}

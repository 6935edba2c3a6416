internal import Foundation
internal import GRDB

/// The copy of a database that is made before it is brought to a newer version (reliability.md DB-8).
enum DatabaseBackup {
    /// Where the copy of a version is.
    static func path(of database: String, version: Int64) -> String { "\(database).v\(version)" }

    /// Copies a database as it is, part of it still in its log included, in one step: there is a whole copy or none.
    ///
    /// A copy that an interrupted migration has left is made anew: nothing of that version has changed since.
    static func make(of queue: DatabaseQueue, path: String, version: Int64) throws {
        let target = self.path(of: path, version: version)
        let draft = target + ".new"
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(draft + suffix) }
        let copy = try DatabaseQueue(path: draft)
        try queue.backup(to: copy)
        // Nobody needs its log: what is copied stands alone.
        try copy.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        try copy.close()
        for suffix in ["-journal", "-wal", "-shm"] { unlink(draft + suffix) }
        chmod(draft, 0o600)
        guard rename(draft, target) == 0 else {
            let reason = String(cString: strerror(errno))
            throw StoreError(.inaccessible, "cannot keep a copy of the state database as \(target): \(reason)")
        }
    }
}

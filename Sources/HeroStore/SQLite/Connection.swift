internal import Foundation
internal import GRDB

/// How a connection is opened: what every one of them promises (reliability.md DB-1).
///
/// GRDB's queue is a serial one that is entered from the caller's own thread: it keeps no thread, pool or timer as
/// long as it lives. Letting one go is what costs: libdispatch disposes of a queue on its global pool, whose monitor
/// then wakes once a second.
enum Connection {
    /// How long somebody else's lock is waited for, in seconds.
    static let busyTimeout = 5.0
    /// Bytes that the write-ahead log keeps on disk after it was checkpointed.
    private static let walSizeLimit = 4 << 20

    /// Opens the connection that writes; makes the database when there is none.
    ///
    /// - Parameters:
    ///   - path: The database.
    ///   - prepare: Called with the connection before it writes anything.
    /// - Returns: The connection, and the closed one that had a look first: to be kept as long, so that idle is idle.
    /// - Throws: `StoreError`.
    static func openWriter(
        path: String,
        prepare: @escaping @Sendable (Database) -> Void = { _ in }
    ) throws -> (queue: DatabaseQueue, examiner: DatabaseQueue?) {
        try StoreError.wrapping("open", path) {
            var examiner: DatabaseQueue?
            if try fileSize(path: path) == nil {
                try createFile(path: path)
            } else if try fileSize(path: path) != 0 {
                // Before anything could change it: opening a database for writing may already write to it.
                let (reader, version) = try inspect(path: path)
                if (1..<Schema.version).contains(version) {
                    try DatabaseBackup.make(of: reader, path: path, version: version)
                }
                try reader.close()
                examiner = reader
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            FailpointVFS.installIfArmed()
            var configuration = baseConfiguration
            configuration.prepareDatabase { db in
                prepare(db)
                // Works before the first table only, so it comes first.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                guard try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                    let cause = "its file system cannot share memory between processes; use a local one"
                    throw StoreError(.other, "cannot open the state database \(path): \(cause)")
                }
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA journal_size_limit = \(walSizeLimit)")
                try harden(db)
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.inDatabase { try Schema.migrate($0) }
            return (queue, examiner)
        }
    }

    /// Opens a database in memory: the same tables and laws, and nothing that reaches a disk.
    static func openInMemory() throws -> DatabaseQueue {
        try StoreError.wrapping("open", ":memory:") {
            var configuration = baseConfiguration
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA synchronous = OFF")
                try harden(db)
            }
            let queue = try DatabaseQueue(configuration: configuration)
            try queue.inDatabase { try Schema.migrate($0) }
            return queue
        }
    }

    /// Opens a connection that only reads; nil when there is no database yet.
    ///
    /// It never checkpoints, so it never writes to the database itself. One of an older version is read as it is.
    static func openReader(path: String) throws -> DatabaseQueue? {
        try StoreError.wrapping("open", path) {
            guard let size = try fileSize(path: path), size > 0 else { return nil }
            let queue = try openReadOnly(path: path)
            let version = try checkFormat(queue, path: path)
            if version == 0 { return nil }
            try queue.inDatabase { db in
                try Schema.addMissingViews(db, of: version)
                try db.execute(sql: "PRAGMA query_only = ON")
            }
            return queue
        }
    }

    /// Looks at a database that is there, and refuses one that cannot be used.
    ///
    /// Its pages come first: of one that is damaged its version is no evidence. What is asked is the same of every database, so
    /// one that cannot be asked that has a header or a schema that SQLite did not write.
    private static func inspect(path: String) throws -> (reader: DatabaseQueue, version: Int64) {
        do {
            let reader = try openReadOnly(path: path)
            try checkPages(reader, path: path)
            return (reader, try checkFormat(reader, path: path))
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            let cause = error.message ?? "SQLite error 1"
            throw StoreError(
                .damaged,
                "cannot use the state database \(path): it is damaged (\(cause)); \(StoreError.rebuildAdvice)"
            )
        }
    }

    /// Refuses what a newer program, or another one, has written.
    ///
    /// - Returns: The format's version; 0 when its tables are still to be made.
    @discardableResult
    static func checkFormat(_ queue: DatabaseQueue, path: String) throws -> Int64 {
        var (version, application, tables): (Int64, Int64, Int64) = (0, 0, 0)
        try queue.inDatabase { db in
            // As of one moment: somebody may just be making it.
            try db.inTransaction(.deferred) {
                version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
                tables = try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
                return .commit
            }
        }
        let isNew = version == 0 && application == 0 && tables == 0
        guard isNew || (application == Schema.applicationID && version > 0) else {
            throw StoreError(
                .damaged,
                "cannot use \(path) as the state database: it was not made by heroproc; \(StoreError.rebuildAdvice)"
            )
        }
        guard version <= Schema.version else {
            let cause = "it is of a newer heroproc (format \(version), this one knows up to \(Schema.version))"
            throw StoreError(
                .newer,
                "cannot open the state database \(path): \(cause); use that heroproc again; nothing was changed"
            )
        }
        return version
    }

    /// Refuses a database whose pages are not what SQLite wrote (reliability.md DB-5).
    ///
    /// It reads every page once: a few milliseconds for each megabyte, at the start of a reconciler only.
    static func checkPages(_ queue: DatabaseQueue, path: String) throws {
        let verdict = try queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        guard verdict == "ok" else {
            let cause = (verdict ?? "nothing").split(separator: "\n").first.map(String.init) ?? "nothing"
            throw StoreError(
                .damaged,
                "cannot use the state database \(path): it is damaged (\(cause)); \(StoreError.rebuildAdvice)"
            )
        }
    }

    static func openReadOnly(path: String) throws -> DatabaseQueue {
        var configuration = baseConfiguration
        configuration.readonly = true
        configuration.prepareDatabase { db in
            try harden(db)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static var baseConfiguration: Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        // Without it GRDB stops the program when a rollback fails, as it may on a broken disk.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(busyTimeout)
        return configuration
    }

    private static func harden(_ db: Database) throws {
        // Read errors of a mapped file would arrive as SIGBUS.
        try db.execute(sql: "PRAGMA mmap_size = 0")
        try db.execute(sql: "PRAGMA trusted_schema = OFF")
    }

    static func fileSize(path: String) throws -> UInt64? {
        // Looks at the name only: opening and closing the file would drop SQLite's locks on it (fcntl(2)).
        do {
            return try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        } catch {
            // Not the same as none: another user's directory must not look like an empty one.
            let advice = "run as the user it belongs to"
            throw StoreError(.inaccessible, "cannot open the state database \(path): \(reason(error)); \(advice)")
        }
    }

    private static func createFile(path: String) throws {
        do {
            try Data().write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch {
            let advice = "check that its directory exists, belongs to this user and has room"
            throw StoreError(.inaccessible, "cannot create the state database \(path): \(reason(error)); \(advice)")
        }
    }

    private static func reason(_ error: any Error) -> String {
        let error = error as NSError
        return (error.userInfo[NSUnderlyingErrorKey] as? NSError)?.localizedDescription ?? error.localizedDescription
    }
}

internal import Foundation
internal import GRDB

/// Opens connections with the settings that durability needs (guarantee DB-1).
///
/// A queue of GRDB is serial and runs on the thread of its caller: it has no thread, pool or timer of its own. But its
/// deallocation wakes the global pool of libdispatch, whose monitor then wakes once a second. Closed connections are
/// therefore retained.
enum Connection {
    /// How long a connection waits for the lock of another program, in s.
    static let busyTimeout = 5.0
    /// The maximum size of the write-ahead log after a checkpoint, in bytes.
    private static let walSizeLimit = 4 << 20

    /// Opens the connection that writes; creates the database if it is missing.
    ///
    /// - Parameters:
    ///   - path: The database.
    ///   - prepare: Called with the connection before it writes anything.
    /// - Returns: The connection, and the closed connection that inspected the database first, which must be retained.
    /// - Throws: `StoreError`.
    static func openWriter(
        path: String,
        prepare: @escaping @Sendable (Database) -> Void = { _ in }
    ) throws -> (queue: DatabaseQueue, inspector: DatabaseQueue?) {
        try StoreError.wrapping("open", path) {
            var inspector: DatabaseQueue?
            if try fileSize(path: path) == nil {
                try createFile(path: path)
            } else if try fileSize(path: path) != 0 {
                // Inspected before it is opened for writing, because that may already change it.
                let (reader, version) = try inspect(path: path)
                if (1..<Schema.version).contains(version) {
                    try DatabaseBackup.make(of: reader, path: path, version: version)
                }
                try reader.close()
                inspector = reader
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            FailpointVFS.installIfArmed()
            var configuration = baseConfiguration
            configuration.prepareDatabase { db in
                prepare(db)
                // Has an effect before the first table is created only.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                guard try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                    let cause = "its file system does not support shared memory between processes; use a local one"
                    throw StoreError(.other, "cannot open the state database \(path): \(cause)")
                }
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA journal_size_limit = \(walSizeLimit)")
                try harden(db)
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.inDatabase { try Schema.migrate($0) }
            return (queue, inspector)
        }
    }

    /// Opens a database in memory, with the same tables and checks.
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

    /// Opens a connection that only reads; nil when there is no database.
    ///
    /// It never checkpoints, so it never writes to the database file. An older format is read without a migration.
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

    /// Inspects an existing database and refuses an unusable one.
    ///
    /// The pages are checked first, because the version of a damaged database means nothing. The statements are valid
    /// for every database, so an error shows a header or schema that SQLite did not write.
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

    /// Refuses a database of a newer heroproc or of another program.
    ///
    /// - Returns: The version of the format; 0 when the tables do not exist yet.
    @discardableResult
    static func checkFormat(_ queue: DatabaseQueue, path: String) throws -> Int64 {
        var (version, application, tables): (Int64, Int64, Int64) = (0, 0, 0)
        try queue.inDatabase { db in
            // In one transaction, because another process may be creating the tables.
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
                "cannot use \(path) as the state database: it was not created by heroproc; \(StoreError.rebuildAdvice)"
            )
        }
        guard version <= Schema.version else {
            let cause = "a newer heroproc wrote it (format \(version), this version supports up to \(Schema.version))"
            throw StoreError(
                .newer,
                "cannot open the state database \(path): \(cause); use that heroproc again; nothing was changed"
            )
        }
        return version
    }

    /// Refuses a database with damaged pages (guarantee DB-5).
    ///
    /// It reads every page once, which takes a few milliseconds per megabyte, at the start of a reconciler only.
    static func checkPages(_ queue: DatabaseQueue, path: String) throws {
        let result = try queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        guard result == "ok" else {
            let cause = (result ?? "nothing").split(separator: "\n").first.map(String.init) ?? "nothing"
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
        // Otherwise GRDB terminates the program when a rollback fails, for example on a broken disk.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(busyTimeout)
        return configuration
    }

    private static func harden(_ db: Database) throws {
        // Read errors of a mapped file would be signalled as SIGBUS.
        try db.execute(sql: "PRAGMA mmap_size = 0")
        try db.execute(sql: "PRAGMA trusted_schema = OFF")
    }

    static func fileSize(path: String) throws -> UInt64? {
        // Uses the path, because opening and closing the file would release SQLite's locks on it (fcntl(2)).
        do {
            return try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        } catch {
            // An error is not the same as a missing file: the directory may belong to another user.
            let advice = "run as its owner"
            throw StoreError(.inaccessible, "cannot open the state database \(path): \(reason(error)); \(advice)")
        }
    }

    private static func createFile(path: String) throws {
        do {
            try Data().write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch {
            let advice = "check that its directory exists, belongs to this user and has free space"
            throw StoreError(.inaccessible, "cannot create the state database \(path): \(reason(error)); \(advice)")
        }
    }

    private static func reason(_ error: any Error) -> String {
        let error = error as NSError
        return (error.userInfo[NSUnderlyingErrorKey] as? NSError)?.localizedDescription ?? error.localizedDescription
    }
}

internal import GRDB

/// Why the database cannot be used, in words that say where it is and what to do.
public struct StoreError: Error, Hashable, Sendable {
    /// What a caller may want to treat differently.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// There is no room on the disk; nothing of the batch was written.
        case full
        /// It can be read and not written.
        case readOnly = "read_only"
        /// It is missing, or this user may not open it.
        case inaccessible
        /// Its content is not what was written, or not ours.
        case damaged
        /// The file that is open is no longer the one of that name: somebody removed or replaced it.
        case gone
        /// A newer heroproc wrote it.
        case newer
        /// Another program holds it.
        case busy
        /// Anything else: an error of the disk, of memory, of the program.
        case other
    }

    /// What a caller may want to treat differently.
    public var kind: Kind
    /// The whole text: what cannot be done, where, why, and what to do.
    public var message: String

    /// Makes an error.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension StoreError: CustomStringConvertible {
    /// The whole text.
    public var description: String { message }
}

extension StoreError {
    /// Says in our words what SQLite says in its own.
    ///
    /// - Parameters:
    ///   - error: What was thrown.
    ///   - verb: What could not be done: `open`, `read`, `write`.
    ///   - path: The database.
    init(_ error: any Error, verb: String, path: String) {
        if let error = error as? StoreError {
            self = error
            return
        }
        let what = "cannot \(verb) the state database \(path)"
        guard let error = error as? DatabaseError else {
            self.init(.other, "\(what): \(error)")
            return
        }
        let cause = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(.full, "\(what): the disk is full; free some space on it")
        case .SQLITE_READONLY:
            self.init(.readOnly, "\(what): it is read-only for this user (\(cause)); check the owner of its directory")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            let advice = "check that its directory exists and run as the user it belongs to"
            self.init(.inaccessible, "\(what): \(cause); \(advice)")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
            self.init(.damaged, "\(what): it is damaged (\(cause)); \(Self.rebuildAdvice)")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.busy, "\(what): another program has held it for 5 s; end that program's transaction")
        case .SQLITE_IOERR:
            let number = error.extendedResultCode.rawValue
            self.init(.other, "\(what): \(cause) (SQLite error \(number)); check the disk and the kernel's log")
        default:
            self.init(.other, "\(what): \(cause) (SQLite error \(error.extendedResultCode.rawValue))")
        }
    }

    /// What becomes of a database that cannot be trusted.
    static let rebuildAdvice =
        "the next `heroproc apply` or reconciler keeps it aside and makes it again; no running service is touched by that"

    /// Runs a piece of work on a database, so that only store errors come out.
    static func wrapping<Result>(_ verb: String, _ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(error, verb: verb, path: path)
        }
    }
}

internal import GRDB

/// Why the database cannot be used, with its path and a remedy.
public struct StoreError: Error, Hashable, Sendable {
    /// The kind of problem, for callers that react differently.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The disk is full; nothing of the batch was written.
        case full
        /// The database can be read but not written.
        case readOnly = "read_only"
        /// The database is missing, or this user may not open it.
        case inaccessible
        /// The database is damaged or was not created by heroproc.
        case damaged
        /// The open file was removed or replaced at its path.
        case gone
        /// A newer heroproc wrote the database.
        case newer
        /// Another program has locked the database.
        case busy
        /// Any other error: of the disk, of memory or of the program.
        case other
    }

    /// The kind of problem.
    public var kind: Kind
    /// The whole text: what failed, where, why, and what to do.
    public var message: String

    /// Creates an error.
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
    /// Converts an error of SQLite into a text with a remedy.
    ///
    /// - Parameters:
    ///   - error: The error that was thrown.
    ///   - verb: The operation that failed: `open`, `read`, `write`.
    ///   - path: The database.
    init(_ error: any Error, verb: String, path: String) {
        if let error = error as? StoreError {
            self = error
            return
        }
        let failure = "cannot \(verb) the state database \(path)"
        guard let error = error as? DatabaseError else {
            self.init(.other, "\(failure): \(error)")
            return
        }
        let cause = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(.full, "\(failure): the disk is full; free some space on it")
        case .SQLITE_READONLY:
            self.init(
                .readOnly,
                "\(failure): it is read-only for this user (\(cause)); check the owner of its directory"
            )
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            let advice = "check that its directory exists and run as its owner"
            self.init(.inaccessible, "\(failure): \(cause); \(advice)")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
            self.init(.damaged, "\(failure): it is damaged (\(cause)); \(Self.rebuildAdvice)")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .busy,
                "\(failure): another program has locked it for more than 5 s; end that program's transaction"
            )
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHORT_READ:
            // The index of the write-ahead log names pages that the log does not have: it was removed or truncated.
            let cause = "its write-ahead log \(path)-wal was removed or is too short"
            self.init(.damaged, "\(failure): it is damaged (\(cause)); \(Self.rebuildAdvice)")
        case .SQLITE_IOERR:
            let number = error.extendedResultCode.rawValue
            self.init(
                .other,
                "\(failure): \(cause) (SQLite error \(number)); check the disk, `ulimit -f` and the kernel's log"
            )
        default:
            self.init(.other, "\(failure): \(cause) (SQLite error \(error.extendedResultCode.rawValue))")
        }
    }

    /// How an unusable database is repaired.
    static let rebuildAdvice =
        "the next `heroproc apply` or reconciler moves it aside and rebuilds it; running services are not affected"

    /// Runs `body` and converts all its errors into store errors.
    static func wrapping<Result>(_ verb: String, _ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(error, verb: verb, path: path)
        }
    }
}

internal import GRDB

/// The SQLite that this program uses: the machine's own.
public struct SQLiteLibrary: Hashable, Sendable {
    /// Its version, such as `3.40.1`.
    public var version: String

    /// Describes a version.
    public init(version: String) { self.version = version }

    /// The one that is here.
    ///
    /// - Throws: `StoreError`.
    public static func current() throws -> SQLiteLibrary {
        try StoreError.wrapping("open", ":memory:") {
            let queue = try DatabaseQueue()
            return SQLiteLibrary(
                version: try queue.inDatabase { try String.fetchOne($0, sql: "SELECT sqlite_version()") } ?? ""
            )
        }
    }

    /// Whether it may damage a database in which two connections write or checkpoint at once: from 3.7.0 to 3.51.2.
    ///
    /// heroproc is safe with it, because only one connection does (reliability.md DB-1); people's own tools must only read.
    public var hasWALResetBug: Bool {
        let parts = version.split(separator: ".").map { Int($0) ?? 0 } + [0, 0, 0]
        let number = parts[0] &* 1_000_000 &+ parts[1] &* 1000 &+ parts[2]
        return (3_007_000..<3_051_003).contains(number)
    }
}

internal import GRDB

/// The database library that this program works with.
public enum StoreEngine {
    /// Its version as SQLite counts it: 3051003 is 3.51.3.
    public static var version: Int { Int(Database.sqliteLibVersionNumber) }
}

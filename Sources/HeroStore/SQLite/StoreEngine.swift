internal import GRDB

/// The database library of this program.
public enum StoreEngine {
    /// The version in the form that SQLite uses: 3051003 is 3.51.3.
    public static var version: Int { Int(Database.sqliteLibVersionNumber) }
}

internal import GRDB

extension Schema {
    /// What the health probe of each job last said.
    static let versionThree = "ALTER TABLE jobs ADD COLUMN is_healthy INTEGER;"

    /// What a database of an older version lacks, for a connection that only reads it.
    static let versionThreeViews = "CREATE TEMP VIEW jobs AS SELECT *, NULL AS is_healthy FROM main.jobs;"
}

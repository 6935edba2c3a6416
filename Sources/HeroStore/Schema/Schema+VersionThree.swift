internal import GRDB

extension Schema {
    /// Adds the last result of the health probe to jobs.
    static let versionThree = "ALTER TABLE jobs ADD COLUMN is_healthy INTEGER;"

    /// A view for the column that older versions do not have, for connections that only read.
    static let versionThreeViews =
        """
        CREATE TEMP VIEW jobs AS
            SELECT *, NULL AS is_healthy, NULL AS contents, NULL AS reload_failure FROM main.jobs;
        """
}

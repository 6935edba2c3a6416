internal import GRDB

extension Schema {
    /// Adds to jobs the content of their files at the last start, and their failed reload, as JSON.
    static let versionSix = """
        ALTER TABLE jobs ADD COLUMN contents TEXT;
        ALTER TABLE jobs ADD COLUMN reload_failure TEXT;
        """

    /// A view for the columns that older versions do not have, for connections that only read.
    static let versionSixViews =
        "CREATE TEMP VIEW jobs AS SELECT *, NULL AS contents, NULL AS reload_failure FROM main.jobs;"
}

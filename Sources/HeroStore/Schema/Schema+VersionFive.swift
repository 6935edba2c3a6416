internal import GRDB

extension Schema {
    /// Adds to services the status that counts while a change is deferred, the hold, and the deferred change.
    static let versionFive = """
        ALTER TABLE services ADD COLUMN wanted TEXT;
        ALTER TABLE services ADD COLUMN hold TEXT;
        ALTER TABLE services ADD COLUMN deferred TEXT;
        """

    /// A view for the columns that older versions do not have, for connections that only read.
    static let versionFiveViews = """
        CREATE TEMP VIEW services AS SELECT *, NULL AS wanted, NULL AS hold, NULL AS deferred FROM main.services;
        """
}

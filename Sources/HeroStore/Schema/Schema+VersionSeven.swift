internal import GRDB

extension Schema {
    /// Adds the history of actions with `once`, and to revisions the number of the revision that they go back to.
    ///
    /// A row with empty names records that the history was lost.
    static let versionSeven = """
        CREATE TABLE once (
            context TEXT NOT NULL,
            service_id TEXT NOT NULL,
            action_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            outcome TEXT NOT NULL,
            at TEXT NOT NULL,
            job_id INTEGER,
            PRIMARY KEY (context, service_id, action_id, digest)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE revisions ADD COLUMN goes_back_to INTEGER;
        """

    /// A view for the table that older versions do not have, for connections that only read.
    static let versionSevenViews = """
        CREATE TEMP VIEW once AS SELECT NULL AS context, NULL AS service_id, NULL AS action_id, NULL AS digest,
            NULL AS outcome, NULL AS at, NULL AS job_id WHERE 0;
        """
    /// The view of revisions for versions that have the columns of version 4.
    static let versionSevenRevisionsView = """
        CREATE TEMP VIEW revisions AS SELECT *, NULL AS goes_back_to FROM main.revisions;
        """
}

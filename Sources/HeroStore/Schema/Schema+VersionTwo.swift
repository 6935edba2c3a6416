internal import GRDB

extension Schema {
    /// Adds standalone actions, indexed tags, the services that a revision was limited to, and indexes for cleanup.
    ///
    /// The columns of existing jobs are not changed.
    static let versionTwo = """
        CREATE TABLE standalone (
            context TEXT NOT NULL,
            name TEXT NOT NULL,
            revision INTEGER NOT NULL,
            job_id INTEGER,
            owes_run INTEGER NOT NULL,
            is_scheduled INTEGER NOT NULL,
            is_waiting INTEGER NOT NULL,
            last_due_at TEXT,
            next_run_at TEXT,
            canonical TEXT NOT NULL,
            spec TEXT NOT NULL,
            PRIMARY KEY (context, name)
        ) STRICT;
        CREATE INDEX standalone_job_id ON standalone (job_id);

        CREATE TABLE job_tags (
            tag TEXT NOT NULL,
            job_id INTEGER NOT NULL,
            PRIMARY KEY (tag, job_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX job_tags_job_id ON job_tags (job_id);
        INSERT OR IGNORE INTO job_tags (tag, job_id) \(selectTags) ORDER BY 1, 2;

        CREATE TABLE narrowed (
            revision INTEGER NOT NULL REFERENCES revisions (number) ON DELETE CASCADE,
            name TEXT NOT NULL,
            PRIMARY KEY (revision, name)
        ) STRICT, WITHOUT ROWID;

        DROP INDEX jobs_active;
        CREATE INDEX jobs_phase ON jobs (phase);
        CREATE INDEX jobs_finished_at ON jobs (finished_at);
        CREATE INDEX files_text_id ON files (text_id);
        CREATE INDEX actions_first_revision ON actions (first_revision);
        """

    /// Views for the tables that version 1 does not have, for connections that only read.
    ///
    /// A reader must not migrate, because a reconciler of the older program may be using the database.
    static let versionTwoViews = """
        CREATE TEMP VIEW job_tags AS \(selectTags);
        CREATE TEMP VIEW narrowed AS SELECT NULL AS revision, NULL AS name WHERE 0;
        CREATE TEMP VIEW standalone AS SELECT
            NULL AS context, NULL AS name, NULL AS revision, NULL AS job_id, NULL AS owes_run, NULL AS is_scheduled,
            NULL AS is_waiting, NULL AS last_due_at, NULL AS next_run_at, NULL AS canonical, NULL AS spec WHERE 0;
        """

    /// Creates temporary views, so that the queries of the current version work on an older database without changing
    /// it.
    static func addMissingViews(_ db: Database, of foundVersion: Int64) throws {
        guard (1..<version).contains(foundVersion) else { return }
        try db.execute(sql: "PRAGMA temp_store = MEMORY")
        if foundVersion < 2 { try db.execute(sql: versionTwoViews) }
        if foundVersion < 3 { try db.execute(sql: versionThreeViews) }
        if foundVersion < 4 { try db.execute(sql: versionFourViews) }
        if foundVersion < 5 { try db.execute(sql: versionFiveViews) }
        if foundVersion >= 3, foundVersion < 6 { try db.execute(sql: versionSixViews) }
        if foundVersion >= 4 { try db.execute(sql: versionSevenRevisionsView) }
        try db.execute(sql: versionSevenViews)
    }

    /// The tags of jobs as rows, from their JSON.
    private static let selectTags = """
        SELECT entry.value AS tag, jobs.id AS job_id
        FROM jobs, json_each(CASE WHEN json_valid(jobs.tags) THEN jobs.tags ELSE '[]' END) AS entry
        WHERE entry.type = 'text'
        """
}

internal import CHeroFailpoints
internal import GRDB

/// The tables, and the migrations between their versions.
///
/// Users read this database with other tools: the columns have the names of `jobs -o json`, and times are text.
enum Schema {
    /// The `PRAGMA application_id` of the file: "hero" in ASCII.
    static let applicationID: Int64 = 0x6865_726f

    /// The version that this program writes.
    static var version: Int64 { Int64(migrations.count) }

    /// The migration at index N creates version N + 1 from version N.
    ///
    /// Released migrations are never changed.
    static let migrations: [String] = [
        versionOne, versionTwo, versionThree, versionFour, versionFive, versionSix, versionSeven,
    ]

    /// Migrates a database to the current version: one transaction per version, and a single one for a new database.
    ///
    /// A reader therefore sees no new database or a complete one, never a version in between.
    static func migrate(_ db: Database) throws {
        try db.inTransaction(.immediate) {
            if try isAtVersion(0, db) { for index in migrations.indices { try applyMigration(index, db) } }
            return .commit
        }
        for index in migrations.indices {
            try db.inTransaction(.immediate) {
                if try isAtVersion(index, db) { try applyMigration(index, db) }
                return .commit
            }
            hero_failpoint(FP_MIG_3)
        }
    }

    /// Whether a database has this version; 0 is a new database.
    private static func isAtVersion(_ version: Int, _ db: Database) throws -> Bool {
        try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0 == Int64(version)
    }

    private static func applyMigration(_ index: Int, _ db: Database) throws {
        let statements = try db.allStatements(sql: migrations[index])
        while let statement = try statements.next() {
            try statement.execute()
            hero_failpoint(FP_MIG_1)
        }
        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        try db.execute(sql: "PRAGMA user_version = \(index + 1)")
        hero_failpoint(FP_MIG_2)
    }

    // AUTOINCREMENT on jobs and runs: the reconciler assigns their numbers, and SQLite remembers the highest number
    // even after its row is removed, so that no number is used twice.
    private static let versionOne = """
        CREATE TABLE revisions (
            number INTEGER PRIMARY KEY,
            applied_at TEXT NOT NULL,
            directory TEXT NOT NULL,
            git_commit TEXT,
            actor TEXT NOT NULL,
            summary TEXT NOT NULL,
            is_down INTEGER NOT NULL,
            is_down_for_all INTEGER NOT NULL,
            prunes INTEGER NOT NULL,
            variables TEXT NOT NULL
        ) STRICT;

        CREATE TABLE texts (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE INDEX texts_digest ON texts (digest);

        CREATE TABLE files (
            revision INTEGER NOT NULL REFERENCES revisions (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            path TEXT NOT NULL,
            folder TEXT NOT NULL,
            text_id INTEGER NOT NULL REFERENCES texts (id),
            PRIMARY KEY (revision, position)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE manifests (
            revision INTEGER NOT NULL REFERENCES revisions (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            kind TEXT NOT NULL,
            context TEXT,
            name TEXT,
            file TEXT NOT NULL,
            line INTEGER NOT NULL,
            digest TEXT,
            PRIMARY KEY (revision, position)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE services (
            context TEXT NOT NULL,
            name TEXT NOT NULL,
            class TEXT NOT NULL,
            status TEXT NOT NULL,
            state TEXT NOT NULL,
            since TEXT NOT NULL,
            blocked_by TEXT NOT NULL,
            run_id INTEGER,
            revision INTEGER NOT NULL,
            ordered_up INTEGER NOT NULL,
            requires TEXT NOT NULL,
            "after" TEXT NOT NULL,
            canonical TEXT NOT NULL,
            spec TEXT NOT NULL,
            PRIMARY KEY (context, name)
        ) STRICT;

        CREATE TABLE actions (
            id INTEGER PRIMARY KEY,
            context TEXT NOT NULL,
            service_id TEXT,
            name TEXT NOT NULL,
            digest TEXT NOT NULL,
            first_revision INTEGER NOT NULL,
            spec TEXT NOT NULL
        ) STRICT;
        CREATE INDEX actions_name ON actions (context, service_id, name, digest);

        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            context TEXT NOT NULL,
            service_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            started_at TEXT NOT NULL,
            ended_at TEXT
        ) STRICT;
        CREATE INDEX runs_service_id ON runs (service_id);

        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            context TEXT NOT NULL,
            service_id TEXT,
            action_id TEXT NOT NULL,
            run_id INTEGER,
            revision INTEGER NOT NULL,
            phase TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            restart_count INTEGER NOT NULL,
            pid INTEGER,
            exit_code INTEGER,
            signal TEXT,
            error TEXT,
            tags TEXT NOT NULL,
            created_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            executions INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            is_ready INTEGER NOT NULL,
            is_stopping INTEGER NOT NULL,
            boot_id TEXT,
            pid_ns INTEGER,
            start_ticks INTEGER,
            pidfs_inode INTEGER,
            outcome TEXT,
            next_retry_at TEXT,
            deadline_ns INTEGER,
            deadline_boot_id TEXT
        ) STRICT;
        CREATE INDEX jobs_service_id ON jobs (service_id);
        CREATE INDEX jobs_action_id ON jobs (action_id);
        CREATE INDEX jobs_service_id_phase ON jobs (service_id, phase);
        CREATE INDEX jobs_run_id ON jobs (run_id);
        CREATE INDEX jobs_active ON jobs (phase) WHERE phase IN ('running', 'retrying');

        CREATE TABLE starts (
            job_id INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            started_at TEXT,
            ended_at TEXT,
            outcome TEXT,
            PRIMARY KEY (job_id, generation)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time TEXT NOT NULL,
            level TEXT NOT NULL,
            source TEXT NOT NULL,
            subject TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_time ON events (time);
        """
}

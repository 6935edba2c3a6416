import GRDB

@testable import HeroStore

/// A database of the first released version, for migration tests.
enum VersionOneDatabase {
    /// Creates a closed database in its own directory.
    static func make() throws -> TestDirectory {
        let directory = try TestDirectory()
        let queue = try DatabaseQueue(path: directory.database)
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: schema + rows)
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        try queue.close()
        return directory
    }

    /// The schema; `Schema.migrations[0]` must always be equal to it.
    static let schema = """
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

    /// The rows of a service whose spec has fewer keys than today, with its run and job, and of older jobs.
    static let rows = """
        INSERT INTO revisions VALUES (
            1, '2026-01-02T03:04:05.000006Z', '/srv/services.d', NULL, 'root', 'old', 0, 0, 1, '{}'
        );
        INSERT INTO texts VALUES (1, 'd228cb696f1a8caf78912b704e4a8964', x'61');
        INSERT INTO files VALUES (1, 0, '/srv/services.d/a.yaml', '/srv/services.d', 1);
        INSERT INTO manifests VALUES (1, 0, 'Service', 'core', 'web', '/srv/services.d/a.yaml', 2, NULL);
        INSERT INTO services VALUES (
            'core', 'web', 'user', 'start', 'running', '2026-01-02T03:04:05.000006Z', '[]', 2, 1, 1, '["core/db"]',
            '[]',
            'requires' || char(9) || 'core/db' || char(10), '\(service)'
        );
        INSERT INTO actions VALUES (1, 'core', 'web', 'server', 'x', 1, '\(action)');
        INSERT INTO runs VALUES (2, 'core', 'web', 1, '2026-01-02T03:04:05.000006Z', NULL);
        INSERT INTO jobs (
            id, context, service_id, action_id, run_id, revision, phase, attempt, restart_count, tags, created_at,
            executions, generation, is_ready, is_stopping
        ) VALUES
            (1, 'core', NULL, 'seed', NULL, 1, 'failed', 1, 0, '[]', '2026-01-02T03:04:05.000006Z', 1, 1, 0, 0),
            (2, 'core', 'web', 'server', NULL, 1, 'failed', 1, 3, '["red","red"]', '2026-01-02T03:04:05.000006Z',
                4, 4, 0, 0),
            (7, 'core', 'web', 'server', 2, 1, 'running', 1, 0, '["blue","red"]', '2026-01-02T03:04:05.000006Z',
                1, 1, 1, 0);
        INSERT INTO starts VALUES (2, 4, NULL, NULL, NULL);
        INSERT INTO events VALUES (1, '2026-01-02T03:04:05.000006Z', 'info', 'reconciler', '', 'old');
        """

    private static let action = """
        {"description":"","environment":{"A":"b"},"generation":0,"isProcess":true,"log":{"keep":5,"maxSize":10485760},\
        "name":"server","program":{"exec":{"_0":["sleep","600"]}},"restart":"always",\
        "retry":{"delay":[0,500000000000000000],\
        "factor":2,"jitter":0.1,"maxAttempts":0,"maxDelay":[1,11553255926290448384],\
        "stableAfter":[0,10000000000000000000]},\
        "sockets":[],"startTimeout":[1,11553255926290448384],"stop":{"signal":{"number":15},\
        "timeout":[0,10000000000000000000]},"tags":["red"],"tcpPorts":[]}
        """

    private static let service = """
        {"actions":[\(action)],"after":[],"description":"","environment":{},"generation":0,"labels":{},\
        "name":{"context":"core","name":"web"},"required":false,"requires":[{"context":"core","name":"db"}],\
        "serviceClass":"user","startOrder":"serial","status":"start","tags":["blue"],"wants":[]}
        """
}

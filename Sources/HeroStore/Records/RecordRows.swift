internal import GRDB
internal import HeroModel

// Each record's columns are listed once, in the order in which `values` writes and `init` reads them.

/// The arguments of a statement; nil is NULL.
typealias SQLArguments = [(any DatabaseValueConvertible)?]

/// SQL that writes a row, or replaces the one with the same key.
///
/// An upsert, not INSERT OR REPLACE: that one would delete the row first and touch every index.
///
/// Columns that are `fixed` never change: naming one in an update would rewrite its indexes every time.
func upsert(into table: String, key: [String], fixed: [String] = [], _ columns: [String]) -> String {
    let updates = columns.filter { !key.contains($0) && !fixed.contains($0) }.map { "\"\($0)\" = excluded.\"\($0)\"" }
    return """
        INSERT INTO \(table) (\(columnList(columns))) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
        ON CONFLICT (\(columnList(key))) DO UPDATE SET \(updates.joined(separator: ", "))
        """
}

/// Columns as SQL has them.
func columnList(_ columns: [String]) -> String {
    columns.map { "\"\($0)\"" }.joined(separator: ", ")
}

extension JobRecord {
    static let columns = [
        "id", "context", "service_id", "action_id", "run_id", "revision", "phase", "attempt", "restart_count", "error",
        "tags", "created_at", "started_at", "finished_at", "executions", "generation", "is_ready", "is_stopping",
        "pid", "boot_id", "pid_ns", "start_ticks", "pidfs_inode", "outcome", "next_retry_at", "deadline_ns",
        "deadline_boot_id", "is_healthy", "exit_code", "signal",
    ]

    func values(_ stored: ColumnCodec) throws -> SQLArguments {
        let end = outcome?.codeAndSignal
        return [
            id, context, service, action, run, revision, phase.rawValue, attempt, restartCount, error,
            try stored.list(tags), stored.text(createdAt), startedAt.map(stored.text), finishedAt.map(stored.text),
            executions, Int64(generation), isReady, isStopping,
            process.map { Int64($0.pid) }, process?.bootID, process.map { Int64(bitPattern: $0.pidNamespace) },
            process.map { Int64(bitPattern: $0.startTicks) }, process.map { Int64(bitPattern: $0.pidfsInode) },
            try outcome.map(stored.text), nextRetryAt.map(stored.text), deadline?.moment.nanoseconds,
            deadline?.bootID, isHealthy, end?.code, end?.signal,
        ]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        let id = try columns.integer()
        let context = try columns.text()
        let service = try columns.optionalText()
        let action = try columns.text()
        let run = try columns.optionalInteger()
        let revision = try columns.integer()
        let phase = try columns.enumeration(JobPhase.self)
        let attempt = try columns.number(Int.self)
        let restartCount = try columns.number(Int.self)
        let error = try columns.optionalText()
        self.init(
            id: id,
            context: context,
            service: service,
            action: action,
            run: run,
            revision: revision,
            tags: try columns.list(),
            createdAt: try columns.time()
        )
        self.phase = phase
        self.attempt = attempt
        self.restartCount = restartCount
        self.error = error
        startedAt = try columns.optionalTime()
        finishedAt = try columns.optionalTime()
        executions = try columns.number(Int.self)
        generation = try columns.number(UInt32.self)
        isReady = try columns.bool()
        isStopping = try columns.bool()
        let pid = try columns.optionalNumber(Int32.self)
        let bootID = try columns.optionalText()
        let namespace = try columns.optionalInteger()
        let ticks = try columns.optionalInteger()
        let inode = try columns.optionalInteger()
        if let pid, let bootID, let namespace, let ticks, let inode {
            process = ProcessIdentity(
                bootID: bootID,
                pidNamespace: UInt64(bitPattern: namespace),
                pid: pid,
                startTicks: UInt64(bitPattern: ticks),
                pidfsInode: UInt64(bitPattern: inode)
            )
        }
        outcome = try columns.optionalOutcome()
        nextRetryAt = try columns.optionalTime()
        let nanoseconds = try columns.optionalInteger()
        let deadlineBootID = try columns.optionalText()
        if let nanoseconds, let deadlineBootID {
            deadline = Deadline(moment: Moment(nanoseconds: nanoseconds), bootID: deadlineBootID)
        }
        isHealthy = try columns.optionalInteger().map { $0 != 0 }
    }
}

extension Outcome {
    /// What people's tools look for; both nil when nobody knows.
    fileprivate var codeAndSignal: (code: Int32?, signal: String?) {
        switch self {
        case .exited(let code): (code, nil)
        case .signaled(let signal, coreDumped: _): (nil, signal.description)
        case .outOfMemory: (nil, Signal.kill.description)
        case .startFailed, .lost: (nil, nil)
        }
    }
}

extension RunRecord {
    static let columns = ["id", "context", "service_id", "revision", "started_at", "ended_at"]

    func values(_ stored: ColumnCodec) -> SQLArguments {
        [id, service.context, service.name, revision, stored.text(startedAt), endedAt.map(stored.text)]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        let id = try columns.integer()
        let context = try columns.text()
        self.init(
            id: id,
            service: QualifiedName(try columns.text(), context: context),
            revision: try columns.integer(),
            startedAt: try columns.time(),
            endedAt: try columns.optionalTime()
        )
    }
}

extension StartRecord {
    static let columns = ["job_id", "generation", "started_at", "ended_at", "outcome"]

    func values(_ stored: ColumnCodec) throws -> SQLArguments {
        [job, Int64(generation), startedAt.map(stored.text), endedAt.map(stored.text), try outcome.map(stored.text)]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        self.init(
            job: try columns.integer(),
            generation: try columns.number(UInt32.self),
            startedAt: try columns.optionalTime(),
            endedAt: try columns.optionalTime(),
            outcome: try columns.optionalOutcome()
        )
    }
}

extension EventRecord {
    static let columns = ["time", "level", "source", "subject", "text"]

    func values(_ stored: ColumnCodec) -> SQLArguments {
        [stored.text(time), level.rawValue, source, subject, text]
    }

    init(_ columns: inout RowReader) throws {
        self.init(
            time: try columns.time(),
            level: try columns.enumeration(Level.self),
            source: try columns.text(),
            subject: try columns.text(),
            text: try columns.text()
        )
    }
}

extension RevisionRecord {
    static let columns = [
        "number", "applied_at", "directory", "git_commit", "actor", "summary", "is_down", "is_down_for_all",
        "prunes", "variables",
    ]

    func values(_ stored: ColumnCodec) throws -> SQLArguments {
        [
            number, stored.text(time), directory, gitCommit, actor, summary, isDown, isDownForAll, prunes,
            try stored.json(variables),
        ]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        var record = RevisionRecord(
            number: try columns.integer(),
            time: try columns.time(),
            directory: try columns.text(),
            gitCommit: try columns.optionalText(),
            actor: try columns.text(),
            summary: try columns.text(),
            isDown: try columns.bool(),
            isDownForAll: try columns.bool(),
            prunes: try columns.bool(),
            variables: try columns.json([String: String].self)
        )
        record.only = try columns.names()
        self = record
    }
}

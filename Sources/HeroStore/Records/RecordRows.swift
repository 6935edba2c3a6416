internal import GRDB
internal import HeroModel

// The columns of each record are listed once, in the order in which `values` writes and `init` reads them.

extension JobRecord {
    static let columns = [
        "id", "context", "service_id", "action_id", "run_id", "revision", "phase", "attempt", "restart_count", "error",
        "tags", "created_at", "started_at", "finished_at", "executions", "generation", "is_ready", "is_stopping",
        "pid", "boot_id", "pid_ns", "start_ticks", "pidfs_inode", "outcome", "next_retry_at", "deadline_ns",
        "deadline_boot_id", "is_healthy", "contents",
        "reload_failure", "exit_code", "signal",
    ]

    func values(_ codec: ColumnCodec) throws -> SQLArguments {
        let end = outcome?.codeAndSignal
        return [
            id, context, service, action, run, revision, phase.rawValue, attempt, restartCount, error,
            try codec.list(tags), codec.text(createdAt), startedAt.map(codec.text), finishedAt.map(codec.text),
            executions, Int64(generation), isReady, isStopping,
            process.map { Int64($0.pid) }, process?.bootID, process.map { Int64(bitPattern: $0.pidNamespace) },
            process.map { Int64(bitPattern: $0.startTicks) }, process.map { Int64(bitPattern: $0.pidfsInode) },
            try outcome.map(codec.text), nextRetryAt.map(codec.text), deadline?.moment.nanoseconds,
            deadline?.bootID, isHealthy, try contents.map(codec.json),
            try reloadFailure.map(codec.json), end?.code, end?.signal,
        ]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        let id = try reader.integer()
        let context = try reader.text()
        let service = try reader.optionalText()
        let action = try reader.text()
        let run = try reader.optionalInteger()
        let revision = try reader.integer()
        let phase = try reader.enumeration(JobPhase.self)
        let attempt = try reader.number(Int.self)
        let restartCount = try reader.number(Int.self)
        let error = try reader.optionalText()
        self.init(
            id: id,
            context: context,
            service: service,
            action: action,
            run: run,
            revision: revision,
            tags: try reader.list(),
            createdAt: try reader.time()
        )
        self.phase = phase
        self.attempt = attempt
        self.restartCount = restartCount
        self.error = error
        startedAt = try reader.optionalTime()
        finishedAt = try reader.optionalTime()
        executions = try reader.number(Int.self)
        generation = try reader.number(UInt32.self)
        isReady = try reader.bool()
        isStopping = try reader.bool()
        let pid = try reader.optionalNumber(Int32.self)
        let bootID = try reader.optionalText()
        let namespace = try reader.optionalInteger()
        let ticks = try reader.optionalInteger()
        let inode = try reader.optionalInteger()
        if let pid, let bootID, let namespace, let ticks, let inode {
            process = ProcessIdentity(
                bootID: bootID,
                pidNamespace: UInt64(bitPattern: namespace),
                pid: pid,
                startTicks: UInt64(bitPattern: ticks),
                pidfsInode: UInt64(bitPattern: inode)
            )
        }
        outcome = try reader.optionalOutcome()
        nextRetryAt = try reader.optionalTime()
        let nanoseconds = try reader.optionalInteger()
        let deadlineBootID = try reader.optionalText()
        if let nanoseconds, let deadlineBootID {
            deadline = Deadline(moment: Moment(nanoseconds: nanoseconds), bootID: deadlineBootID)
        }
        isHealthy = try reader.optionalInteger().map { $0 != 0 }
        contents = try reader.optionalJSON([RecordedContent].self)
        reloadFailure = try reader.optionalJSON(ReloadFailure.self)
    }
}

extension Outcome {
    /// Exit code and signal in columns of their own, for other tools; both nil when they are unknown.
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

    func values(_ codec: ColumnCodec) -> SQLArguments {
        [id, service.context, service.name, revision, codec.text(startedAt), endedAt.map(codec.text)]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        let id = try reader.integer()
        let context = try reader.text()
        self.init(
            id: id,
            service: QualifiedName(try reader.text(), context: context),
            revision: try reader.integer(),
            startedAt: try reader.time(),
            endedAt: try reader.optionalTime()
        )
    }
}

extension StartRecord {
    static let columns = ["job_id", "generation", "started_at", "ended_at", "outcome"]

    func values(_ codec: ColumnCodec) throws -> SQLArguments {
        [job, Int64(generation), startedAt.map(codec.text), endedAt.map(codec.text), try outcome.map(codec.text)]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        self.init(
            job: try reader.integer(),
            generation: try reader.number(UInt32.self),
            startedAt: try reader.optionalTime(),
            endedAt: try reader.optionalTime(),
            outcome: try reader.optionalOutcome()
        )
    }
}

extension EventRecord {
    static let columns = ["time", "level", "source", "subject", "text"]

    func values(_ codec: ColumnCodec) -> SQLArguments {
        [codec.text(time), level.rawValue, source, subject, text]
    }

    init(_ reader: inout RowReader) throws {
        self.init(
            time: try reader.time(),
            level: try reader.enumeration(Level.self),
            source: try reader.text(),
            subject: try reader.text(),
            text: try reader.text()
        )
    }
}

extension RevisionRecord {
    static let columns = [
        "number", "applied_at", "directory", "git_commit", "actor", "summary", "is_down", "is_down_for_all",
        "prunes", "variables", "repository", "git_ref", "git_path", "git_author", "git_subject", "git_signer",
        "goes_back_to",
    ]

    func values(_ codec: ColumnCodec) throws -> SQLArguments {
        [
            number, codec.text(time), directory, gitCommit, actor, summary, isDown, isDownForAll, prunes,
            try codec.json(variables), git?.repository, git?.ref, git?.path, git?.author, git?.subject, git?.signer,
            goesBackTo,
        ]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        var record = RevisionRecord(
            number: try reader.integer(),
            time: try reader.time(),
            directory: try reader.text(),
            gitCommit: try reader.optionalText(),
            actor: try reader.text(),
            summary: try reader.text(),
            isDown: try reader.bool(),
            isDownForAll: try reader.bool(),
            prunes: try reader.bool(),
            variables: try reader.json([String: String].self)
        )
        let (repository, ref, path) = (try reader.optionalText(), try reader.optionalText(), try reader.optionalText())
        let (author, subject) = (try reader.optionalText(), try reader.optionalText())
        let signer = try reader.optionalText()
        record.goesBackTo = try reader.optionalInteger()
        if let repository, let ref, let path {
            record.git = GitSource(
                repository: repository,
                ref: ref,
                path: path,
                author: author ?? "",
                subject: subject ?? "",
                signer: signer
            )
        }
        record.only = try reader.names()
        self = record
    }
}

internal import Foundation
internal import GRDB
internal import HeroModel

/// Writes changes as rows.
///
/// Statements are prepared once per connection. The spec of a service is by far the most expensive column and is
/// written only when it has changed.
final class Recorder {
    /// How many starts of each job are kept.
    static let maxStartsPerJob = 20
    /// How many events are kept; up to `eventsBetweenPrunings` more may exist.
    static let maxEvents = 10_000
    /// After how many new events the oldest ones are removed.
    static let eventsBetweenPrunings = 500

    let codec = ColumnCodec()
    /// The specs in the committed rows, as far as this connection has written them.
    private var committedSpecs: [QualifiedName: ServiceSpec] = [:]
    /// The specs that the open transaction has changed; nil for a removed service.
    private var pendingSpecs: [QualifiedName: ServiceSpec?] = [:]

    /// Called when the open transaction is durable.
    func didCommit() {
        for (name, spec) in pendingSpecs { committedSpecs[name] = spec }
        pendingSpecs.removeAll(keepingCapacity: true)
    }

    /// Called when the open transaction was rolled back.
    func didRollBack() {
        pendingSpecs.removeAll(keepingCapacity: true)
    }

    /// Writes one change.
    func record(_ change: StoreChange, in db: Database) throws {
        switch change {
        case .revision(let revision, files: let files, documents: let documents):
            try record(revision, files: files, documents: documents, in: db)
        case .service(let service):
            try record(service, in: db)
        case .serviceState(let name, let state, since: let since, blockedBy: let blockers, isStartRequested: let isUp):
            try execute(
                """
                UPDATE services SET state = ?, since = ?, blocked_by = ?, ordered_up = ? WHERE context = ? AND name = ?
                """,
                [state.rawValue, codec.text(since), try codec.names(blockers), isUp, name.context, name.name],
                in: db
            )
        case .serviceRemoved(let name):
            try execute("DELETE FROM services WHERE context = ? AND name = ?", [name.context, name.name], in: db)
            pendingSpecs[name] = .some(nil)
        case .standalone(let record):
            try execute(Self.upsertStandalone, try record.values(codec), in: db)
            let key = ActionKey(context: record.name.context, service: nil, action: record.name.name)
            try self.record(record.spec, key, since: record.revision, in: db)
        case .standaloneRemoved(let name):
            try execute("DELETE FROM standalone WHERE context = ? AND name = ?", [name.context, name.name], in: db)
        case .run(let run):
            try self.execute(Self.upsertRun, run.values(codec), in: db)
        case .job(let job):
            try execute(Self.upsertJob, try job.values(codec), in: db)
            for tag in job.tags {
                try execute("INSERT OR IGNORE INTO job_tags (tag, job_id) VALUES (?, ?)", [tag, job.id], in: db)
            }
        case .jobsRemoved(let jobs):
            let selectRun = try db.cachedStatement(sql: "SELECT run_id FROM jobs WHERE id = ?")
            var runs: Set<RunID> = []
            for job in jobs {
                if let run = try Int64.fetchOne(selectRun, arguments: [job]) { runs.insert(run) }
                try execute("DELETE FROM jobs WHERE id = ?", [job], in: db)
                try execute("DELETE FROM job_tags WHERE job_id = ?", [job], in: db)
                try execute("DELETE FROM starts WHERE job_id = ?", [job], in: db)
                try execute("UPDATE standalone SET job_id = NULL WHERE job_id = ?", [job], in: db)
            }
            for run in runs.sorted() { try pruneRun(run, in: db) }
            // After many removals, free pages are returned to the file system in small parts; otherwise new jobs use
            // them.
            if jobs.count >= 100 { try db.execute(sql: "PRAGMA incremental_vacuum(512)") }
        case .actionsRemoved(let keys):
            for key in keys {
                try execute(
                    "DELETE FROM actions WHERE context = ? AND service_id IS ? AND name = ?",
                    [key.context, key.service, key.action],
                    in: db
                )
            }
        case .runsRemoved(let runs):
            for run in runs { try self.execute("DELETE FROM runs WHERE id = ?", [run], in: db) }
        case .start(let start):
            try execute(Self.upsertStart, try start.values(codec), in: db)
            try execute(Self.pruneStarts, [start.job, start.job, Self.maxStartsPerJob], in: db)
        case .once(let once): try record(once, in: db)
        case .onceHistoryLost(let isLost): try recordOnceHistory(isLost: isLost, in: db)
        case .event(let event):
            try execute(Self.insertEvent, event.values(codec), in: db)
            try pruneEvents(after: db.lastInsertedRowID, in: db)
        }
    }

    private static let upsertRun = upsert(
        into: "runs",
        key: ["id"],
        fixed: ["context", "service_id"],
        RunRecord.columns
    )
    private static let upsertJob = upsert(
        into: "jobs",
        key: ["id"],
        fixed: ["context", "service_id", "action_id", "tags", "created_at"],
        JobRecord.columns
    )
    private static let upsertStart = upsert(into: "starts", key: ["job_id", "generation"], StartRecord.columns)
    private static let upsertService = upsert(into: "services", key: ServiceRecord.key, ServiceRecord.columns)
    private static let upsertStandalone = upsert(
        into: "standalone",
        key: StandaloneRecord.key,
        StandaloneRecord.columns
    )
    private static let upsertRevision = upsert(into: "revisions", key: ["number"], RevisionRecord.columns)
    private static let updateServiceExceptSpec = """
        UPDATE services SET \(ServiceSummary.columns.map { "\"\($0)\" = ?" }.joined(separator: ", "))
        WHERE context = ? AND name = ?
        """
    private static let pruneStarts = """
        DELETE FROM starts WHERE job_id = ? AND generation <= (SELECT max(generation) FROM starts WHERE job_id = ?) - ?
        """
    private static let insertEvent = "INSERT INTO events (\(columnList(EventRecord.columns))) VALUES (?, ?, ?, ?, ?)"

    func execute(_ sql: String, _ values: SQLArguments, in db: Database) throws {
        try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
    }

    // Event numbers have no gaps, so the number decides when to prune and which events are too old.
    private func pruneEvents(after last: Int64, in db: Database) throws {
        guard last % Int64(Self.eventsBetweenPrunings) == 0 else { return }
        try execute("DELETE FROM events WHERE id <= ?", [last &- Int64(Self.maxEvents)], in: db)
        // Returns some free pages to the file system.
        try db.execute(sql: "PRAGMA incremental_vacuum(64)")
    }

    private func record(_ service: ServiceRecord, in db: Database) throws {
        let values = try service.valuesExceptSpec(codec)
        let storedSpec = pendingSpecs[service.name] ?? committedSpecs[service.name]
        if storedSpec == service.spec {
            let key: SQLArguments = [service.name.context, service.name.name]
            try execute(Self.updateServiceExceptSpec, values + key, in: db)
            return
        }
        try execute(Self.upsertService, values + [try codec.json(service.spec)], in: db)
        for action in service.spec.actions {
            let key = ActionKey(context: service.name.context, service: service.name.name, action: action.name)
            try record(action, key, since: service.revision, in: db)
        }
        pendingSpecs[service.name] = .some(service.spec)
    }

    private func record(
        _ action: ActionSpec,
        _ key: ActionKey,
        since revision: RevisionNumber,
        in db: Database
    ) throws {
        let spec = try codec.json(action)
        let row: SQLArguments = [key.context, key.service, key.action, contentDigest(spec.utf8)]
        try execute(
            """
            INSERT INTO actions (context, service_id, name, digest, first_revision, spec)
            SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (
                SELECT 1 FROM actions WHERE context = ? AND service_id IS ? AND name = ? AND digest = ? AND spec = ?
            )
            """,
            row + [revision, spec] + row + [spec],
            in: db
        )
    }

    private func record(
        _ revision: RevisionRecord,
        files: [ManifestFile],
        documents: [StoredDocument],
        in db: Database
    ) throws {
        try execute(Self.upsertRevision, try revision.values(codec), in: db)
        try execute("DELETE FROM narrowed WHERE revision = ?", [revision.number], in: db)
        for name in Set(revision.only).sorted() {
            try execute(
                "INSERT INTO narrowed (revision, name) VALUES (?, ?)",
                [revision.number, name.description],
                in: db
            )
        }
        try execute("DELETE FROM files WHERE revision = ?", [revision.number], in: db)
        try execute("DELETE FROM manifests WHERE revision = ?", [revision.number], in: db)
        var digests: [String: String] = [:]
        for (position, file) in files.enumerated() {
            let digest = contentDigest(file.bytes)
            digests[file.path] = digest
            let text = try textID(Data(file.bytes), digest: digest, in: db)
            try execute(
                "INSERT INTO files (revision, position, path, folder, text_id) VALUES (?, ?, ?, ?, ?)",
                [revision.number, position, file.path, file.baseDirectory, text],
                in: db
            )
        }
        for (position, document) in documents.enumerated() {
            try execute(
                """
                INSERT INTO manifests (revision, position, kind, context, name, file, line, digest)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    revision.number, position, document.kind, document.name?.context, document.name?.name,
                    document.file, document.line, digests[document.file],
                ],
                in: db
            )
        }
        try pruneRevisions(after: revision.number, in: db)
    }

    /// The row of a text.
    ///
    /// Digests only find candidates; their bytes are compared.
    private func textID(_ bytes: Data, digest: String, in db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT id FROM texts WHERE digest = ? AND bytes = ?")
        if let id = try Int64.fetchOne(statement, arguments: [digest, bytes]) { return id }
        try execute("INSERT INTO texts (digest, bytes) VALUES (?, ?)", [digest, bytes], in: db)
        return db.lastInsertedRowID
    }
}

internal import GRDB
internal import HeroModel

/// The SQL of all queries.
///
/// Tests check that each one uses an index or a primary key.
enum Queries {
    /// A statement with its arguments.
    struct Query {
        var sql: String
        var arguments: SQLArguments = []
    }

    static let selectRevisions = """
        SELECT \(columnList(RevisionRecord.columns)),
            (SELECT json_group_array(name) FROM narrowed WHERE narrowed.revision = revisions.number)
        FROM revisions
        """
    static let selectJobs = "SELECT \(columnList(JobRecord.columns)) FROM jobs"
    static let selectCurrentJobs = """
        \(selectJobs) WHERE id IN (
            SELECT jobs.id FROM services JOIN jobs ON jobs.run_id = services.run_id
            UNION SELECT job_id FROM standalone WHERE job_id IS NOT NULL
            UNION SELECT id FROM jobs WHERE phase IN ('running', 'retrying')
        ) ORDER BY id
        """
    static let selectCurrentRuns = """
        SELECT \(columnList(RunRecord.columns)) FROM runs WHERE id IN (SELECT run_id FROM services) ORDER BY id
        """

    /// Both parts use an index only, so a long history costs little.
    static let selectServicesWithHistory = """
        SELECT DISTINCT service_id FROM jobs WHERE service_id IS NOT NULL UNION SELECT DISTINCT service_id FROM runs
        """

    /// The commits of the revisions with which the recorded services and the active jobs were started.
    static let selectCommitsInUse = """
        SELECT DISTINCT git_commit FROM revisions WHERE git_commit IS NOT NULL AND number IN (
            SELECT revision FROM services UNION SELECT revision FROM standalone
            UNION SELECT revision FROM jobs WHERE phase IN ('pending', 'waiting', 'running', 'retrying')
            UNION SELECT max(number) FROM revisions
        )
        """

    static func commitsInUse(_ db: Database) throws -> Set<String> {
        Set(try fetchAll(db, Query(sql: selectCommitsInUse)) { row in row[0] as String })
    }

    static func servicesWithHistory(_ db: Database) throws -> Set<String> {
        Set(try fetchAll(db, Query(sql: selectServicesWithHistory)) { row in row[0] as String })
    }

    static func revisions(_ db: Database, _ codec: ColumnCodec, limit: Int) throws -> [RevisionRecord] {
        let query = Query(sql: "\(selectRevisions) ORDER BY number DESC LIMIT ?", arguments: [max(0, limit)])
        return try fetchAll(db, query) { try RevisionRecord($0, codec) }
    }

    static func revision(_ db: Database, _ codec: ColumnCodec, number: RevisionNumber) throws -> RevisionRecord? {
        let query = Query(sql: "\(selectRevisions) WHERE number = ?", arguments: [number])
        return try fetchAll(db, query) { try RevisionRecord($0, codec) }.first
    }

    static func files(_ db: Database, _ codec: ColumnCodec, of revision: RevisionNumber) throws -> [ManifestFile] {
        let sql = """
            SELECT files.path, files.folder, texts.bytes FROM files JOIN texts ON texts.id = files.text_id
            WHERE files.revision = ? ORDER BY files.position
            """
        return try fetchAll(db, Query(sql: sql, arguments: [revision])) { row in
            var reader = RowReader(row, codec)
            return ManifestFile(path: try reader.text(), baseDirectory: try reader.text(), bytes: try reader.bytes())
        }
    }

    static func documents(
        _ db: Database,
        _ codec: ColumnCodec,
        of revision: RevisionNumber
    ) throws -> [StoredDocument] {
        let sql = "SELECT kind, context, name, file, line FROM manifests WHERE revision = ? ORDER BY position"
        return try fetchAll(db, Query(sql: sql, arguments: [revision])) { row in
            var reader = RowReader(row, codec)
            let kind = try reader.text()
            let context = try reader.optionalText()
            var qualified: QualifiedName?
            if let name = try reader.optionalText(), let context {
                qualified = QualifiedName(name, context: context)
            }
            return StoredDocument(
                kind: kind,
                name: qualified,
                file: try reader.text(),
                line: try reader.number(Int.self)
            )
        }
    }

    static func services(_ db: Database, _ codec: ColumnCodec) throws -> [ServiceRecord] {
        let sql = "SELECT \(columnList(ServiceRecord.readColumns)) FROM services ORDER BY context, name"
        return try fetchAll(db, Query(sql: sql)) { try ServiceRecord($0, codec) }
    }

    static func serviceSummaries(_ db: Database, _ codec: ColumnCodec) throws -> [ServiceSummary] {
        let sql = "SELECT \(columnList(ServiceSummary.columns)) FROM services ORDER BY context, name"
        return try fetchAll(db, Query(sql: sql)) { try ServiceSummary($0, codec) }
    }

    static func standalone(_ db: Database, _ codec: ColumnCodec) throws -> [StandaloneRecord] {
        let sql = "SELECT \(columnList(StandaloneRecord.columns)) FROM standalone ORDER BY context, name"
        return try fetchAll(db, Query(sql: sql)) { try StandaloneRecord($0, codec) }
    }

    static func standaloneSummaries(_ db: Database, _ codec: ColumnCodec) throws -> [StandaloneSummary] {
        let sql = "SELECT \(columnList(StandaloneSummary.columns)) FROM standalone ORDER BY context, name"
        return try fetchAll(db, Query(sql: sql)) { try StandaloneSummary($0, codec) }
    }

    static func runs(of service: QualifiedName) -> Query {
        let sql = """
            SELECT \(columnList(RunRecord.columns)) FROM runs WHERE service_id = ? AND context = ? ORDER BY id DESC
            """
        return Query(sql: sql, arguments: [service.name, service.context])
    }

    static func job(_ db: Database, _ codec: ColumnCodec, _ id: JobID) throws -> JobRecord? {
        let query = Query(sql: "\(selectJobs) WHERE id = ?", arguments: [id])
        return try fetchAll(db, query) { try JobRecord($0, codec) }.first
    }

    static func jobs(_ db: Database, _ codec: ColumnCodec, _ filter: JobFilter) throws -> [JobRecord] {
        try fetchAll(db, query(filter)) { try JobRecord($0, codec) }
    }

    static func currentJobs(_ db: Database, _ codec: ColumnCodec) throws -> [JobRecord] {
        try fetchAll(db, Query(sql: selectCurrentJobs)) { try JobRecord($0, codec) }
    }

    static func currentRuns(_ db: Database, _ codec: ColumnCodec) throws -> [RunRecord] {
        try fetchAll(db, Query(sql: selectCurrentRuns)) { try RunRecord($0, codec) }
    }

    static func starts(_ db: Database, _ codec: ColumnCodec, of job: JobID) throws -> [StartRecord] {
        let sql = "SELECT \(columnList(StartRecord.columns)) FROM starts WHERE job_id = ? ORDER BY generation DESC"
        return try fetchAll(db, Query(sql: sql, arguments: [job])) { try StartRecord($0, codec) }
    }

    static func events(_ db: Database, _ codec: ColumnCodec, _ filter: EventFilter) throws -> [NumberedEvent] {
        let events = try fetchAll(db, query(filter)) { row in
            var reader = RowReader(row, codec)
            return NumberedEvent(id: try reader.integer(), event: try EventRecord(&reader))
        }
        return filter.after == nil ? events.reversed() : events
    }

    static func lastNumber(_ db: Database, table: String) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT seq FROM sqlite_sequence WHERE name = ?")
        return try Int64.fetchOne(statement, arguments: [table]) ?? 0
    }

    static func query(_ filter: JobFilter) -> Query {
        var conditions: [String] = []
        var values: SQLArguments = []
        func require(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            values.append(value)
        }
        require("context = ?", filter.context)
        require("service_id = ?", filter.service)
        require("action_id = ?", filter.action)
        require("id IN (SELECT job_id FROM job_tags WHERE tag = ?)", filter.tag)
        require("run_id = ?", filter.run)
        // Most jobs may be in one phase. If another condition is more selective, a plus prevents SQLite from using the
        // index on the phase.
        let usesPhaseIndex = filter.action == nil && filter.tag == nil && filter.run == nil
        require(usesPhaseIndex ? "phase = ?" : "+phase = ?", filter.phase?.rawValue)
        if filter.activeOnly { conditions.append("phase IN ('running', 'retrying')") }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return Query(
            sql: "\(selectJobs)\(condition) ORDER BY id DESC LIMIT ?",
            arguments: values + [limit(filter.limit)]
        )
    }

    static func query(_ filter: EventFilter) -> Query {
        var conditions: [String] = []
        var values: SQLArguments = []
        if let since = filter.since {
            conditions.append("time >= ?")
            values.append(since.description)
        }
        if let after = filter.after {
            conditions.append("id > ?")
            values.append(after)
        }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let order = filter.after == nil ? "DESC" : "ASC"
        return Query(
            sql: "SELECT id, \(columnList(EventRecord.columns)) FROM events\(condition) ORDER BY id \(order) LIMIT ?",
            arguments: values + [limit(filter.limit)]
        )
    }

    /// A limit in SQL, where a negative number means no limit.
    private static func limit(_ limit: Int?) -> Int {
        limit.map { max(0, $0) } ?? -1
    }

    static func fetchAll<Value>(
        _ db: Database,
        _ query: Query,
        _ make: (Row) throws -> Value
    ) throws -> [Value] {
        let statement = try db.cachedStatement(sql: query.sql)
        let rows = try Row.fetchCursor(statement, arguments: StatementArguments(query.arguments))
        var values: [Value] = []
        while let row = try rows.next() { values.append(try make(row)) }
        return values
    }
}

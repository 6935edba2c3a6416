internal import GRDB
internal import HeroModel

/// The questions asked of the tables; each is answered by an index or a primary key, tested.
enum Queries {
    /// A statement as it is sent.
    struct Question {
        var sql: String
        var values: Values = []
    }

    static let selectRevisions = """
        SELECT \(list(RevisionRecord.columns)),
            (SELECT json_group_array(name) FROM narrowed WHERE narrowed.revision = revisions.number)
        FROM revisions
        """
    static let selectJobs = "SELECT \(list(JobRecord.columns)) FROM jobs"
    static let currentJobs = """
        \(selectJobs) WHERE id IN (
            SELECT jobs.id FROM services JOIN jobs ON jobs.run_id = services.run_id
            UNION SELECT job_id FROM standalone WHERE job_id IS NOT NULL
            UNION SELECT id FROM jobs WHERE phase IN ('running', 'retrying')
        ) ORDER BY id
        """
    static let currentRuns = """
        SELECT \(list(RunRecord.columns)) FROM runs WHERE id IN (SELECT run_id FROM services) ORDER BY id
        """

    /// Both are answered by an index alone, so that a long history costs little.
    static let historicServices = """
        SELECT DISTINCT service_id FROM jobs WHERE service_id IS NOT NULL UNION SELECT DISTINCT service_id FROM runs
        """

    static func servicesWithHistory(_ db: Database) throws -> Set<String> {
        Set(try all(db, Question(sql: historicServices)) { row in row[0] as String })
    }

    static func revisions(_ db: Database, _ stored: StoredText, limit: Int) throws -> [RevisionRecord] {
        let question = Question(sql: "\(selectRevisions) ORDER BY number DESC LIMIT ?", values: [max(0, limit)])
        return try all(db, question) { try RevisionRecord($0, stored) }
    }

    static func revision(_ db: Database, _ stored: StoredText, number: RevisionNumber) throws -> RevisionRecord? {
        let question = Question(sql: "\(selectRevisions) WHERE number = ?", values: [number])
        return try all(db, question) { try RevisionRecord($0, stored) }.first
    }

    static func files(_ db: Database, _ stored: StoredText, of revision: RevisionNumber) throws -> [ManifestFile] {
        let sql = """
            SELECT files.path, files.folder, texts.bytes FROM files JOIN texts ON texts.id = files.text_id
            WHERE files.revision = ? ORDER BY files.position
            """
        return try all(db, Question(sql: sql, values: [revision])) { row in
            var columns = Columns(row, stored)
            return ManifestFile(path: try columns.text(), baseDirectory: try columns.text(), bytes: try columns.bytes())
        }
    }

    static func documents(
        _ db: Database,
        _ stored: StoredText,
        of revision: RevisionNumber
    ) throws -> [StoredDocument] {
        let sql = "SELECT kind, context, name, file, line FROM manifests WHERE revision = ? ORDER BY position"
        return try all(db, Question(sql: sql, values: [revision])) { row in
            var columns = Columns(row, stored)
            let kind = try columns.text()
            let context = try columns.optionalText()
            var qualified: QualifiedName?
            if let name = try columns.optionalText(), let context {
                qualified = QualifiedName(name, context: context)
            }
            return StoredDocument(
                kind: kind,
                name: qualified,
                file: try columns.text(),
                line: try columns.number(Int.self)
            )
        }
    }

    static func services(_ db: Database, _ stored: StoredText) throws -> [ServiceRecord] {
        let sql = "SELECT \(list(ServiceRecord.readColumns)) FROM services ORDER BY context, name"
        return try all(db, Question(sql: sql)) { try ServiceRecord($0, stored) }
    }

    static func summaries(_ db: Database, _ stored: StoredText) throws -> [ServiceSummary] {
        let sql = "SELECT \(list(ServiceSummary.columns)) FROM services ORDER BY context, name"
        return try all(db, Question(sql: sql)) { try ServiceSummary($0, stored) }
    }

    static func standalone(_ db: Database, _ stored: StoredText) throws -> [StandaloneRecord] {
        let sql = "SELECT \(list(StandaloneRecord.columns)) FROM standalone ORDER BY context, name"
        return try all(db, Question(sql: sql)) { try StandaloneRecord($0, stored) }
    }

    static func standaloneSummaries(_ db: Database, _ stored: StoredText) throws -> [StandaloneSummary] {
        let sql = "SELECT \(list(StandaloneSummary.columns)) FROM standalone ORDER BY context, name"
        return try all(db, Question(sql: sql)) { try StandaloneSummary($0, stored) }
    }

    static func runs(of service: QualifiedName) -> Question {
        let sql = """
            SELECT \(list(RunRecord.columns)) FROM runs WHERE service_id = ? AND context = ? ORDER BY id DESC
            """
        return Question(sql: sql, values: [service.name, service.context])
    }

    static func job(_ db: Database, _ stored: StoredText, _ id: JobID) throws -> JobRecord? {
        let question = Question(sql: "\(selectJobs) WHERE id = ?", values: [id])
        return try all(db, question) { try JobRecord($0, stored) }.first
    }

    static func jobs(_ db: Database, _ stored: StoredText, _ filter: JobFilter) throws -> [JobRecord] {
        try all(db, question(filter)) { try JobRecord($0, stored) }
    }

    static func currentJobs(_ db: Database, _ stored: StoredText) throws -> [JobRecord] {
        try all(db, Question(sql: currentJobs)) { try JobRecord($0, stored) }
    }

    static func currentRuns(_ db: Database, _ stored: StoredText) throws -> [RunRecord] {
        try all(db, Question(sql: currentRuns)) { try RunRecord($0, stored) }
    }

    static func starts(_ db: Database, _ stored: StoredText, of job: JobID) throws -> [StartRecord] {
        let sql = "SELECT \(list(StartRecord.columns)) FROM starts WHERE job_id = ? ORDER BY generation DESC"
        return try all(db, Question(sql: sql, values: [job])) { try StartRecord($0, stored) }
    }

    static func events(_ db: Database, _ stored: StoredText, _ filter: EventFilter) throws -> [NumberedEvent] {
        let events = try all(db, question(filter)) { row in
            var columns = Columns(row, stored)
            return NumberedEvent(id: try columns.integer(), event: try EventRecord(&columns))
        }
        return filter.after == nil ? events.reversed() : events
    }

    static func lastNumber(_ db: Database, table: String) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT seq FROM sqlite_sequence WHERE name = ?")
        return try Int64.fetchOne(statement, arguments: [table]) ?? 0
    }

    static func question(_ filter: JobFilter) -> Question {
        var conditions: [String] = []
        var values: Values = []
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
        // Nearly all jobs may be in one phase: where there is something that tells them apart better, a plus keeps SQLite
        // from looking there.
        let isRare = filter.action == nil && filter.tag == nil && filter.run == nil
        require(isRare ? "phase = ?" : "+phase = ?", filter.phase?.rawValue)
        if filter.activeOnly { conditions.append("phase IN ('running', 'retrying')") }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return Question(
            sql: "\(selectJobs)\(condition) ORDER BY id DESC LIMIT ?",
            values: values + [limit(filter.limit)]
        )
    }

    static func question(_ filter: EventFilter) -> Question {
        var conditions: [String] = []
        var values: Values = []
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
        return Question(
            sql: "SELECT id, \(list(EventRecord.columns)) FROM events\(condition) ORDER BY id \(order) LIMIT ?",
            values: values + [limit(filter.limit)]
        )
    }

    /// SQLite's word for no limit is a negative one.
    private static func limit(_ limit: Int?) -> Int {
        limit.map { max(0, $0) } ?? -1
    }

    static func all<Value>(
        _ db: Database,
        _ question: Question,
        _ make: (Row) throws -> Value
    ) throws -> [Value] {
        let statement = try db.cachedStatement(sql: question.sql)
        let rows = try Row.fetchCursor(statement, arguments: StatementArguments(question.values))
        var values: [Value] = []
        while let row = try rows.next() { values.append(try make(row)) }
        return values
    }
}

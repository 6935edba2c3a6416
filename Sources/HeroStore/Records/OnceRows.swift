internal import GRDB
internal import HeroModel

extension OnceRecord {
    static let columns = ["context", "service_id", "action_id", "digest", "outcome", "at", "job_id"]

    func values(_ codec: ColumnCodec) -> SQLArguments {
        [
            subject.service.context, subject.service.name, subject.action, digest, outcome.rawValue, codec.text(time),
            job,
        ]
    }

    /// A record, or nil for the row which says that the history was lost.
    init?(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        let context = try reader.text()
        guard !context.isEmpty else { return nil }
        let service = QualifiedName(try reader.text(), context: context)
        self.init(
            Subject(service: service, action: try reader.text()),
            digest: try reader.text(),
            try reader.enumeration(Outcome.self),
            time: try reader.time(),
            job: try reader.optionalInteger()
        )
    }
}

extension Queries {
    static let selectOnce = "SELECT \(columnList(OnceRecord.columns)) FROM once"

    /// The history of actions with `once`.
    static func onceHistory(_ db: Database, _ codec: ColumnCodec) throws -> OnceHistory {
        let records = try fetchAll(db, Query(sql: selectOnce)) { try OnceRecord($0, codec) }
        return OnceHistory(records.compactMap(\.self), isLost: records.contains { $0 == nil })
    }
}

extension Recorder {
    func record(_ once: OnceRecord, in db: Database) throws {
        try execute(
            "INSERT OR REPLACE INTO once (\(columnList(OnceRecord.columns))) VALUES (?, ?, ?, ?, ?, ?, ?)",
            once.values(codec),
            in: db
        )
    }

    /// Records whether the history of actions with `once` was lost.
    func recordOnceHistory(isLost: Bool, in db: Database) throws {
        guard isLost else { return try execute("DELETE FROM once WHERE context = ''", [], in: db) }
        try execute("INSERT OR IGNORE INTO once VALUES ('', '', '', '', 'lost', '', NULL)", [], in: db)
    }
}

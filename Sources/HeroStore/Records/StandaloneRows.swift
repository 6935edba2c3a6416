internal import GRDB
public import HeroModel

/// A recorded standalone action without its full spec: what planning and showing need.
public struct StandaloneSummary: Hashable, Sendable {
    /// Its name.
    public var name: QualifiedName
    /// The revision whose spec this is.
    public var revision: RevisionNumber
    /// Its newest job; nil before the first, and when that one is forgotten.
    public var job: JobID?
    /// Whether `run_on` asks for a run that has not begun yet.
    public var isRunPending: Bool
    /// Whether its schedule counts: a `down` lets it rest until the next apply.
    public var isScheduled: Bool
    /// Whether its schedule has come due while its job was active, and it runs when that one has ended.
    public var isWaiting: Bool
    /// When its schedule last came due, whether or not it ran then.
    public var lastDueAt: WallTime?
    /// When its schedule comes due next; nil without one, while it rests, and where it never does.
    public var nextRunAt: WallTime?
    /// What was applied, as comparable text.
    public var canonical: CanonicalSpec
}

extension StandaloneSummary {
    static let columns = [
        "context", "name", "revision", "job_id", "owes_run", "is_scheduled", "is_waiting", "last_due_at", "next_run_at",
        "canonical",
    ]

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        self = try Self(&columns)
    }

    fileprivate init(_ columns: inout RowReader) throws {
        let context = try columns.text()
        name = QualifiedName(try columns.text(), context: context)
        revision = try columns.integer()
        job = try columns.optionalInteger()
        isRunPending = try columns.bool()
        isScheduled = try columns.bool()
        isWaiting = try columns.bool()
        lastDueAt = try columns.optionalTime()
        nextRunAt = try columns.optionalTime()
        canonical = CanonicalSpec(text: try columns.text())
    }
}

extension StandaloneRecord {
    static let key = ["context", "name"]
    static let columns = StandaloneSummary.columns + ["spec"]

    func values(_ stored: ColumnCodec) throws -> SQLArguments {
        [
            name.context, name.name, revision, job, isRunPending, isScheduleActive, isRunQueued,
            lastDueAt.map(stored.text),
            nextRunAt.map(stored.text), canonical.text, try stored.json(spec),
        ]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        let summary = try StandaloneSummary(&columns)
        self.init(
            summary.name,
            spec: try columns.json(ActionSpec.self),
            canonical: summary.canonical,
            revision: summary.revision,
            job: summary.job,
            isRunPending: summary.isRunPending,
            isScheduleActive: summary.isScheduled,
            isRunQueued: summary.isWaiting,
            lastDueAt: summary.lastDueAt,
            nextRunAt: summary.nextRunAt
        )
    }
}

internal import GRDB
public import HeroModel

/// A recorded standalone action without its full spec: the data for plans and status.
public struct StandaloneSummary: Hashable, Sendable {
    /// Its name.
    public var name: QualifiedName
    /// The revision of this spec.
    public var revision: RevisionNumber
    /// Its newest job; nil before the first one, and after that job was removed.
    public var job: JobID?
    /// The run that `run_on` or a raised generation has requested.
    public var requestedRun: RequestedRun
    /// Whether its schedule is active; `down` pauses it until the next apply.
    public var isScheduleActive: Bool
    /// Whether a scheduled run waits until the active job has ended.
    public var isRunQueued: Bool
    /// The last scheduled time, whether or not the action ran then.
    public var lastDueAt: WallTime?
    /// The next scheduled time; nil without a schedule, while it is paused, and when there is none.
    public var nextRunAt: WallTime?
    /// The applied spec, as comparable text.
    public var canonical: CanonicalSpec
}

extension StandaloneSummary {
    static let columns = [
        "context", "name", "revision", "job_id", "owes_run", "is_scheduled", "is_waiting", "last_due_at", "next_run_at",
        "canonical",
    ]

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        self = try Self(&reader)
    }

    fileprivate init(_ reader: inout RowReader) throws {
        let context = try reader.text()
        name = QualifiedName(try reader.text(), context: context)
        revision = try reader.integer()
        job = try reader.optionalInteger()
        requestedRun = try reader.requestedRun()
        isScheduleActive = try reader.bool()
        isRunQueued = try reader.bool()
        lastDueAt = try reader.optionalTime()
        nextRunAt = try reader.optionalTime()
        canonical = CanonicalSpec(text: try reader.text())
    }
}

extension StandaloneRecord {
    static let key = ["context", "name"]
    static let columns = StandaloneSummary.columns + ["spec"]

    func values(_ codec: ColumnCodec) throws -> SQLArguments {
        [
            name.context, name.name, revision, job, requestedRun.rawValue, isScheduleActive, isRunQueued,
            lastDueAt.map(codec.text),
            nextRunAt.map(codec.text), canonical.text, try codec.json(spec),
        ]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        let summary = try StandaloneSummary(&reader)
        self.init(
            summary.name,
            spec: try reader.json(ActionSpec.self),
            canonical: summary.canonical,
            revision: summary.revision,
            job: summary.job,
            requestedRun: summary.requestedRun,
            isScheduleActive: summary.isScheduleActive,
            isRunQueued: summary.isRunQueued,
            lastDueAt: summary.lastDueAt,
            nextRunAt: summary.nextRunAt
        )
    }
}

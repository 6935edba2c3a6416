/// A standalone action as it was last applied: what it is compared with, and when it runs again.
public struct StandaloneRecord: Hashable, Sendable, Codable {
    /// Its name.
    public var name: QualifiedName
    /// What was applied, in full.
    public var spec: ActionSpec
    /// The same as comparable text.
    public var canonical: CanonicalSpec
    /// The revision whose spec this is.
    public var revision: RevisionNumber
    /// Its newest job; nil before the first.
    public var job: JobID?
    /// Whether `run_on` asks for a run that has not begun yet.
    public var isRunPending: Bool
    /// Whether its schedule counts: a `down` lets it rest until the next apply.
    public var isScheduleActive: Bool
    /// Whether its schedule has come due while its job was active, and it runs when that one has ended.
    public var isRunQueued: Bool
    /// When its schedule last came due, whether or not it ran then; nil before the first time.
    public var lastDueAt: WallTime?
    /// When its schedule comes due next; nil without one, while it rests, and where it never does.
    public var nextRunAt: WallTime?

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case name, spec, canonical, revision, job
        case isRunPending = "owesRun"
        case isScheduleActive = "isScheduled"
        case isRunQueued = "isWaiting"
        case lastDueAt, nextRunAt
    }

    /// Makes a record.
    public init(
        _ name: QualifiedName,
        spec: ActionSpec,
        canonical: CanonicalSpec,
        revision: RevisionNumber,
        job: JobID? = nil,
        isRunPending: Bool = false,
        isScheduleActive: Bool = false,
        isRunQueued: Bool = false,
        lastDueAt: WallTime? = nil,
        nextRunAt: WallTime? = nil
    ) {
        self.name = name
        self.spec = spec
        self.canonical = canonical
        self.revision = revision
        self.job = job
        self.isRunPending = isRunPending
        self.isScheduleActive = isScheduleActive
        self.isRunQueued = isRunQueued
        self.lastDueAt = lastDueAt
        self.nextRunAt = nextRunAt
    }
}

/// The record of a standalone action as last applied, with the times of its runs.
public struct StandaloneRecord: Hashable, Sendable, Codable {
    /// The name.
    public var name: QualifiedName
    /// The applied spec.
    public var spec: ActionSpec
    /// The spec in canonical form, for comparison.
    public var canonical: CanonicalSpec
    /// The revision of the spec.
    public var revision: RevisionNumber
    /// The newest job; nil before the first one.
    public var job: JobID?
    /// The run that `run_on` or a raised generation has requested.
    public var requestedRun: RequestedRun
    /// Whether its schedule is active: `down` pauses it until the next apply.
    public var isScheduleActive: Bool
    /// Whether a run became due while a job was active, and begins when that job has ended.
    public var isRunQueued: Bool
    /// When a run was last due, whether or not it began; nil before the first time.
    public var lastDueAt: WallTime?
    /// When the next run is due; nil without a schedule, while it is paused, and if it has no next time.
    public var nextRunAt: WallTime?

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case name, spec, canonical, revision, job
        case requestedRun = "owesRun"
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
        requestedRun: RequestedRun = .none,
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
        self.requestedRun = requestedRun
        self.isScheduleActive = isScheduleActive
        self.isRunQueued = isRunQueued
        self.lastDueAt = lastDueAt
        self.nextRunAt = nextRunAt
    }
}

/// A job: one action in one run, with one record for all its restarts.
public struct JobRecord: Hashable, Sendable, Codable {
    /// The number; restarts do not change it.
    public var id: JobID
    /// The context of the action.
    public var context: String
    /// The service; nil for a standalone action.
    public var service: String?
    /// The action.
    public var action: String
    /// The run; nil for a standalone action.
    public var run: RunID?
    /// The revision that created it.
    public var revision: RevisionNumber
    /// The phase.
    public var phase: JobPhase
    /// The number of attempts since it was last stable, from 1; 0 before the first one.
    public var attempt: Int
    /// The number of restarts whose program executed; it never decreases (RS-2).
    public var restartCount: Int
    /// The number of executions; `restartCount` is one less.
    public var executions: Int
    /// The number of ordered starts; each start has its number in the record file of the job.
    public var generation: UInt32
    /// Whether it was ready at the last update.
    public var isReady: Bool
    /// The last result of its health probe; nil if there is none.
    public var isHealthy: Bool?
    /// Whether a stop was requested.
    public var isStopping: Bool
    /// The main process of the current start.
    public var process: ProcessIdentity?
    /// The last outcome.
    public var outcome: Outcome?
    /// The reason for the current phase, as text.
    public var error: String?
    /// The tags of its service and action when it was created.
    public var tags: [String]
    /// When it was created.
    public var createdAt: WallTime
    /// When its program last executed.
    public var startedAt: WallTime?
    /// When it last ended.
    public var finishedAt: WallTime?
    /// When the next attempt begins, as wall time for display.
    public var nextRetryAt: WallTime?
    /// The content of its files when it was last started; nil before that, or if it has none.
    public var contents: [RecordedContent]?
    /// Why its last reload has failed; nil if none has failed since its start.
    public var reloadFailure: ReloadFailure?
    /// The deadline of a delay, a start or a stop; it survives a crash of the reconciler (RS-3).
    public var deadline: Deadline?

    /// A time of the boot clock together with its boot; it is invalid on another boot.
    public struct Deadline: Hashable, Sendable, Codable {
        /// The time.
        public var moment: Moment
        /// The boot.
        public var bootID: String

        /// Makes a deadline.
        public init(moment: Moment, bootID: String) {
            self.moment = moment
            self.bootID = bootID
        }
    }

    /// Makes the record of a job without a start.
    public init(
        id: JobID,
        context: String,
        service: String?,
        action: String,
        run: RunID?,
        revision: RevisionNumber,
        tags: [String],
        createdAt: WallTime
    ) {
        self.id = id
        self.context = context
        self.service = service
        self.action = action
        self.run = run
        self.revision = revision
        self.tags = tags
        self.createdAt = createdAt
        phase = .pending
        attempt = 0
        restartCount = 0
        executions = 0
        generation = 0
        isReady = false
        isStopping = false
    }
}

/// The record of one start of a job, so that a crash loop does not overwrite its history.
public struct StartRecord: Hashable, Sendable, Codable {
    /// The job.
    public var job: JobID
    /// The number of the start within the job.
    public var generation: UInt32
    /// When its program executed; nil if it never executed.
    public var startedAt: WallTime?
    /// When it ended.
    public var endedAt: WallTime?
    /// The outcome.
    public var outcome: Outcome?

    /// Makes a record.
    public init(
        job: JobID,
        generation: UInt32,
        startedAt: WallTime?,
        endedAt: WallTime? = nil,
        outcome: Outcome? = nil
    ) {
        self.job = job
        self.generation = generation
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.outcome = outcome
    }
}

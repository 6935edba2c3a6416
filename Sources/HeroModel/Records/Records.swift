/// The number of a job; never reused.
public typealias JobID = Int64
/// The number of a run; never reused.
public typealias RunID = Int64
/// The number of a revision, from 1; 0 stands for none.
public typealias RevisionNumber = Int64

/// One applied desired state.
public struct RevisionRecord: Hashable, Sendable, Codable {
    /// Its number, from 1.
    public var number: RevisionNumber
    /// When it was applied.
    public var time: WallTime
    /// The absolute services directory it came from.
    public var directory: String
    /// The git commit of that directory, if it is in a work tree.
    public var gitCommit: String?
    /// Who applied it: a user name, or `reconciler`.
    public var actor: String
    /// In words: what it did.
    public var summary: String
    /// Services that `down` stopped: kept down until the next apply.
    public var isDown: Bool
    /// `down --all`: system services too.
    public var isDownForAll: Bool
    /// Whether what no manifest declares any more is stopped; false keeps it up for as long as this revision holds.
    public var prunes: Bool
    /// What it was narrowed to with `--only`, for as long as it holds; empty: all of it.
    public var only: [QualifiedName]
    /// Values given with `--var`.
    public var variables: [String: String]

    /// Makes a record.
    public init(
        number: RevisionNumber,
        time: WallTime,
        directory: String,
        gitCommit: String? = nil,
        actor: String,
        summary: String,
        isDown: Bool = false,
        isDownForAll: Bool = false,
        prunes: Bool = true,
        only: [QualifiedName] = [],
        variables: [String: String] = [:]
    ) {
        self.number = number
        self.time = time
        self.directory = directory
        self.gitCommit = gitCommit
        self.actor = actor
        self.summary = summary
        self.isDown = isDown
        self.isDownForAll = isDownForAll
        self.prunes = prunes
        self.only = only
        self.variables = variables
    }
}

/// A service as it was last started: what must be known to compare, to stop and to heal it when its file is gone.
public struct ServiceRecord: Hashable, Sendable, Codable {
    /// Its name.
    public var name: QualifiedName
    /// What it was started with, in full; updated when a change takes effect in place.
    public var spec: ServiceSpec
    /// The same as comparable text.
    public var canonical: CanonicalSpec
    /// Where it stands.
    public var state: ServiceState
    /// Since when, for people.
    public var since: WallTime
    /// What it waits for, when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Its current or last run; nil when it never ran.
    public var run: RunID?
    /// The revision whose spec this is.
    public var revision: RevisionNumber
    /// Whether it is meant to be up as far as the reconciler last knew: ordered up and not ordered down since.
    public var isStartRequested: Bool

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case name, spec, canonical, state, since, blockedBy, run, revision
        case isStartRequested = "isOrderedUp"
    }

    /// Makes a record.
    public init(
        spec: ServiceSpec,
        canonical: CanonicalSpec,
        state: ServiceState,
        since: WallTime,
        blockedBy: [QualifiedName] = [],
        run: RunID?,
        revision: RevisionNumber,
        isStartRequested: Bool
    ) {
        name = spec.name
        self.spec = spec
        self.canonical = canonical
        self.state = state
        self.since = since
        self.blockedBy = blockedBy
        self.run = run
        self.revision = revision
        self.isStartRequested = isStartRequested
    }
}

/// One activation of a service.
public struct RunRecord: Hashable, Sendable, Codable {
    /// Its number.
    public var id: RunID
    /// The service.
    public var service: QualifiedName
    /// The revision it started with.
    public var revision: RevisionNumber
    /// When its start wave reached it.
    public var startedAt: WallTime
    /// When it was stopped; nil while it goes on.
    public var endedAt: WallTime?

    /// Makes a record.
    public init(
        id: RunID,
        service: QualifiedName,
        revision: RevisionNumber,
        startedAt: WallTime,
        endedAt: WallTime? = nil
    ) {
        self.id = id
        self.service = service
        self.revision = revision
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

/// One action in one run: the same record through all its restarts.
public struct JobRecord: Hashable, Sendable, Codable {
    /// Its number; never changes while it restarts.
    public var id: JobID
    /// The context of its action.
    public var context: String
    /// The service that started it; nil for a standalone action.
    public var service: String?
    /// Its action.
    public var action: String
    /// The run it belongs to; nil for a standalone action.
    public var run: RunID?
    /// The revision it was started under.
    public var revision: RevisionNumber
    /// Where it stands.
    public var phase: JobPhase
    /// Tries since it was last stable, from 1; 0 before the first.
    public var attempt: Int
    /// Programs really executed again; never goes down (reliability.md RS-2).
    public var restartCount: Int
    /// Programs executed so far; `restartCount` is one less.
    public var executions: Int
    /// Starts ordered so far; each has its own number in the job's record file.
    public var generation: UInt32
    /// Whether it was ready when last seen.
    public var isReady: Bool
    /// What its health probe last said; nil where it has none, or was not asked yet.
    public var isHealthy: Bool?
    /// Whether it was ordered to end.
    public var isStopping: Bool
    /// The main program of the current start.
    public var process: ProcessIdentity?
    /// The last end.
    public var outcome: Outcome?
    /// Why it is where it is, in words.
    public var error: String?
    /// Copied from service and action when it was made.
    public var tags: [String]
    /// When it was made.
    public var createdAt: WallTime
    /// When its program last executed.
    public var startedAt: WallTime?
    /// When it last ended.
    public var finishedAt: WallTime?
    /// When it is tried again: on the calendar, for people.
    public var nextRetryAt: WallTime?
    /// A deadline that must survive the reconciler: the end of a delay, of a wait for readiness, of a stop (RS-3).
    public var deadline: Deadline?

    /// A moment with the boot it belongs to; on another boot it is void.
    public struct Deadline: Hashable, Sendable, Codable {
        /// The moment.
        public var moment: Moment
        /// The boot.
        public var bootID: String

        /// Makes a deadline.
        public init(moment: Moment, bootID: String) {
            self.moment = moment
            self.bootID = bootID
        }
    }

    /// Makes the record of a job that has not started.
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

/// One start of a job, kept so that a crash loop cannot erase its own evidence.
public struct StartRecord: Hashable, Sendable, Codable {
    /// The job.
    public var job: JobID
    /// The number of the start in that job.
    public var generation: UInt32
    /// When its program executed; nil when it never did.
    public var startedAt: WallTime?
    /// When it ended.
    public var endedAt: WallTime?
    /// How.
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

/// Something that happened.
public struct EventRecord: Hashable, Sendable, Codable {
    /// How much it matters.
    public enum Level: String, Hashable, Sendable, Codable, CaseIterable {
        /// As planned.
        case info
        /// Worth a look.
        case warning
        /// Something does not work.
        case error
    }

    /// When.
    public var time: WallTime
    /// How much it matters.
    public var level: Level
    /// The part that says it, such as `reconciler` or `hero_proc.auto_start_db`.
    public var source: String
    /// What it is about: `core/web`, `core/web.server`, or empty.
    public var subject: String
    /// In words.
    public var text: String

    /// Makes an event.
    public init(time: WallTime, level: Level, source: String, subject: String, text: String) {
        self.time = time
        self.level = level
        self.source = source
        self.subject = subject
        self.text = text
    }
}

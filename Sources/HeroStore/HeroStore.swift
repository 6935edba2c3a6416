// Law: what we must know after a crash, written before we act.
//
// One connection writes, batch by batch, and a batch is durable when `commit` returns. The store is a ledger, not the
// truth about processes: the kernel and the job directories are, and it can be built again around running services.
public import HeroModel

/// One thing to write down; `StateStore.commit` takes a batch of them.
public enum StoreChange: Sendable {
    /// A desired state was applied: with the files it was read from and the documents found in them.
    ///
    /// The last 200 are kept, and those that something stands on.
    case revision(RevisionRecord, files: [ManifestFile], documents: [StoredDocument])
    /// A service as it is started or updated; replaces what is recorded of it.
    case service(ServiceRecord)
    /// Only where a recorded service stands.
    case serviceState(QualifiedName, ServiceState, since: WallTime, blockedBy: [QualifiedName], isStartRequested: Bool)
    /// A service is down and no longer declared: its record goes, its runs and jobs stay.
    case serviceRemoved(QualifiedName)
    /// A standalone action; replaces what is recorded of it.
    case standalone(StandaloneRecord)
    /// A standalone action is no longer declared: its record goes, its jobs stay.
    case standaloneRemoved(QualifiedName)
    /// A run; replaces what is recorded under its number.
    case run(RunRecord)
    /// A job; replaces what is recorded under its number, besides its provenance and its tags, which never change.
    case job(JobRecord)
    /// Jobs that are forgotten, with their starts and tags, and the runs that are over and have no other job.
    ///
    /// A standalone action whose newest job is among them has none then.
    case jobsRemoved([JobID])
    /// Specs of actions that are forgotten, every version of them.
    case actionsRemoved([ActionKey])
    /// Runs that are forgotten; their jobs stay.
    case runsRemoved([RunID])
    /// A start of a job; replaces what is recorded under its number.
    ///
    /// The last 20 of each job are kept.
    case start(StartRecord)
    /// Something that happened; the newest 10,000 are kept.
    case event(EventRecord)
}

/// A document of an applied desired state and where it is written.
public struct StoredDocument: Hashable, Sendable {
    /// The document's kind: `Service`, `Action`, `Settings`.
    public var kind: String
    /// What it declares; nil for settings.
    public var name: QualifiedName?
    /// The path of its file, as in `ManifestFile.path`.
    public var file: String
    /// The line it begins at, from 1.
    public var line: Int

    /// Makes an entry.
    public init(kind: String, name: QualifiedName?, file: String, line: Int) {
        self.kind = kind
        self.name = name
        self.file = file
        self.line = line
    }
}

/// Everything a reconciler needs to know when it begins.
public struct StoredState: Hashable, Sendable {
    /// The last applied revision; nil when nothing was ever applied.
    public var revision: RevisionRecord?
    /// The files of that revision, in the order they were given.
    public var files: [ManifestFile]
    /// Every recorded service, by name.
    public var services: [ServiceRecord]
    /// Every recorded standalone action, by name.
    public var standalone: [StandaloneRecord]
    /// The jobs of the services' current runs, the standalone actions' newest ones and every other active job, by number.
    public var jobs: [JobRecord]
    /// The services' current runs, by number.
    public var runs: [RunRecord]
    /// The services, by name and whatever their context, of which jobs or runs are recorded.
    public var servicesWithHistory: Set<String> = []
    /// The highest job number ever recorded; 0 when there is none.
    ///
    /// It does not sink when jobs are removed.
    public var lastJob: JobID
    /// The highest run number ever recorded; 0 when there is none.
    ///
    /// It does not sink when runs are removed.
    public var lastRun: RunID

    /// Makes a state; the default is that of a new database.
    public init(
        revision: RevisionRecord? = nil,
        files: [ManifestFile] = [],
        services: [ServiceRecord] = [],
        standalone: [StandaloneRecord] = [],
        jobs: [JobRecord] = [],
        runs: [RunRecord] = [],
        lastJob: JobID = 0,
        lastRun: RunID = 0
    ) {
        self.revision = revision
        self.files = files
        self.services = services
        self.standalone = standalone
        self.jobs = jobs
        self.runs = runs
        self.lastJob = lastJob
        self.lastRun = lastRun
    }
}

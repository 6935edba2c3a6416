public import HeroModel

/// A document of an applied revision and its location.
public struct StoredDocument: Hashable, Sendable {
    /// The document's kind: `Service`, `Action`, `Settings`.
    public var kind: String
    /// The name of the declared service or action; nil for settings.
    public var name: QualifiedName?
    /// The path of its file, as in `ManifestFile.path`.
    public var file: String
    /// The line at which the document starts, from 1.
    public var line: Int

    /// Creates an entry.
    public init(kind: String, name: QualifiedName?, file: String, line: Int) {
        self.kind = kind
        self.name = name
        self.file = file
        self.line = line
    }
}

/// The state that a reconciler loads at its start.
public struct StoredState: Hashable, Sendable {
    /// The last applied revision; nil before the first apply.
    public var revision: RevisionRecord?
    /// The manifest files of that revision, in their original order.
    public var files: [ManifestFile]
    /// All recorded services, by name.
    public var services: [ServiceRecord]
    /// All recorded standalone actions, by name.
    public var standalone: [StandaloneRecord]
    /// The jobs of the current runs of services, the newest jobs of standalone actions and all other active jobs, by
    /// number.
    public var jobs: [JobRecord]
    /// The current runs of services, by number.
    public var runs: [RunRecord]
    /// The names of all services, of any context, with recorded jobs or runs.
    public var servicesWithHistory: Set<String> = []
    /// The history of actions with `once`.
    public var once = OnceHistory()
    /// The highest job number ever recorded; 0 when there is none.
    ///
    /// It never decreases, even when jobs are removed.
    public var lastJob: JobID
    /// The highest run number ever recorded; 0 when there is none.
    ///
    /// It never decreases, even when runs are removed.
    public var lastRun: RunID

    /// Creates a state; the default is that of a new database.
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

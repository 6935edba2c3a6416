public import HeroModel

/// A request of the command line to a running reconciler: one JSON line on the control socket.
public struct ControlRequest: Codable, Sendable {
    /// What is requested.
    public enum Verb: String, Codable, Sendable {
        /// Record these manifests as a revision and carry it out.
        case apply
        /// Stop services.
        case down
        /// Remove ended jobs.
        case cleanup
        /// Check the database, and rebuild it if it is damaged.
        case examine
        /// Fetch the followed git repository now.
        case sync
    }

    /// One manifest file, as the client has read and checked it.
    public struct File: Codable, Sendable {
        /// The path that messages show.
        public var path: String
        /// The absolute path of its folder.
        public var folder: String
        /// The text.
        public var text: String

        /// Makes a file.
        public init(path: String, folder: String, text: String) {
            self.path = path
            self.folder = folder
            self.text = text
        }
    }

    /// What is requested.
    public var verb: Verb
    /// The absolute services directory.
    public var directory: String
    /// Its files.
    public var files: [File]
    /// The user who makes the request, for the history.
    public var actor: String
    /// The git commit of the directory; nil when it has none.
    public var gitCommit: String?
    /// Whether `down` stops system services too: `--all`.
    public var all: Bool
    /// Whether services that are not declared any more are stopped; false with `--no-prune`.
    public var prunes: Bool
    /// Whether the required core manifests must be declared.
    public var requiresCore: Bool
    /// Which jobs a cleanup removes.
    public var cleanup: CleanupRule?
    /// The services to which the plan is limited; empty: all.
    public var only: [QualifiedName] = []
    /// Whether processes that hold resources of an action may be stopped; false with `--no-kill`.
    public var kills = true
    /// Whether protected services may be stopped: `--allow-protected`.
    public var allowsProtected = false
    /// Whether the disruption limit may be exceeded: `--allow-disruption`.
    public var allowsDisruption = false
    /// Whether a set from another directory than the last revision's may stop services: `--switch-dir`.
    ///
    /// Nil in a request of an earlier version.
    public var switchesDirectory: Bool?
    /// Whether a `sync` ends the pause of a `down`: `--resume`.
    ///
    /// Nil in a request of an earlier version.
    public var resumes: Bool?
    /// The earlier revision whose manifests these are; nil when they are new.
    public var goesBackTo: RevisionNumber?
    /// What the plan must do, or the request is refused; nil without a saved plan.
    public var planExpectation: PlanExpectation?
    /// The values of the variables that the manifests use, from `--var` and the environment of the client.
    public var variables: [String: String]

    /// The names in the control protocol, which other versions of the program use.
    private enum CodingKeys: String, CodingKey {
        case verb, directory, files, actor, gitCommit, all, prunes, requiresCore, cleanup, only, kills
        case allowsProtected, allowsDisruption, switchesDirectory, resumes, goesBackTo
        case planExpectation = "promise"
        case variables
    }

    /// Makes a request.
    public init(
        _ verb: Verb,
        directory: String,
        files: [File] = [],
        actor: String,
        gitCommit: String? = nil,
        all: Bool = false,
        prunes: Bool = true,
        requiresCore: Bool = true,
        cleanup: CleanupRule? = nil,
        variables: [String: String] = [:]
    ) {
        self.verb = verb
        self.directory = directory
        self.files = files
        self.actor = actor
        self.gitCommit = gitCommit
        self.all = all
        self.prunes = prunes
        self.requiresCore = requiresCore
        self.cleanup = cleanup
        self.variables = variables
    }
}

/// A reply of a running reconciler: JSON lines until `done`, `cleaned` or `refused`.
public enum ControlReply: Codable, Sendable {
    /// The request is refused, and nothing has changed.
    case refused(String, diagnostics: [Diagnostic])
    /// The revision is recorded, and the reconciler begins to carry it out.
    case accepted(revision: RevisionNumber)
    /// The state of a service has changed.
    case progress(QualifiedName, ServiceState, detail: String)
    /// All services are up, and must stay up for this long before the apply has converged.
    case settling(Duration)
    /// Everything has settled: the services have reached their declared state, or cannot reach it by themselves.
    case done(ApplyResult)
    /// A cleanup is complete: what it has removed.
    case cleaned(CleanupResult)
}

/// How an apply has ended.
public struct ApplyResult: Codable, Hashable, Sendable {
    /// One service of the apply.
    public struct Service: Codable, Hashable, Sendable {
        /// The name of the service.
        public var name: QualifiedName
        /// Its state.
        public var state: ServiceState
        /// The required services that are not up.
        public var blockedBy: [QualifiedName]
        /// How many of its active jobs were stopped.
        public var cancelled: Int
        /// The services that were stopped because they require it.
        public var stoppedDependents: [QualifiedName]
    }

    /// The number of the revision.
    public var revision: RevisionNumber
    /// Whether every service has reached its declared state; a blocked service does not count.
    public var isConverged: Bool
    /// The services that are declared or were changed.
    public var services: [Service]
    /// The problems, as messages.
    public var errors: [String]
    /// The actions that have failed, so that their last output explains the result; nil from an older version.
    public var failedActions: [FailedAction]? = []

    /// An action that has failed or keeps failing.
    public struct FailedAction: Codable, Hashable, Sendable {
        /// Its service, or the name of a standalone action.
        public var owner: QualifiedName
        /// The action of the service; nil for a standalone action.
        public var action: String?

        /// Creates the name of an action.
        public init(owner: QualifiedName, action: String?) {
            self.owner = owner
            self.action = action
        }
    }
}

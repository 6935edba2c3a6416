public import HeroModel

/// What the command line asks of a live reconciler: one JSON line on the control socket.
public struct ControlRequest: Codable, Sendable {
    /// What is asked.
    public enum Verb: String, Codable, Sendable {
        /// Record these manifests as a revision and converge to them.
        case apply
        /// Take services down.
        case down
        /// Remove ended jobs.
        case cleanup
        /// Look whether the database is damaged, and make it again if it is.
        case examine
    }

    /// One manifest file, as it was read and checked by who asks.
    public struct File: Codable, Sendable {
        /// The path as users see it.
        public var path: String
        /// The absolute folder.
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

    /// What is asked.
    public var verb: Verb
    /// The absolute services directory.
    public var directory: String
    /// Its files.
    public var files: [File]
    /// Who asks.
    public var actor: String
    /// The git commit of the directory.
    public var gitCommit: String?
    /// `down --all`.
    public var all: Bool
    /// `--no-prune` is false here.
    public var prunes: Bool
    /// Whether the required core manifests must be declared.
    public var requiresCore: Bool
    /// Which jobs a cleanup removes.
    public var cleanup: CleanupRule?
    /// Services the plan is narrowed to; empty: all.
    public var only: [QualifiedName] = []
    /// `--no-kill` is false here.
    public var kills = true
    /// `--allow-protected`.
    public var allowsProtected = false
    /// `--allow-disruption`.
    public var allowsDisruption = false
    /// The recorded revision whose manifests these are, when it is gone back to.
    public var goesBackTo: RevisionNumber?
    /// What the plan must come to, or nothing is done.
    public var planExpectation: PlanExpectation?
    /// The values of `--var` and of the environment that the manifests use: theirs who ask, not the reconciler's.
    public var variables: [String: String]

    /// The names in the control protocol, which other versions of the program use.
    private enum CodingKeys: String, CodingKey {
        case verb, directory, files, actor, gitCommit, all, prunes, requiresCore, cleanup, only, kills
        case allowsProtected, allowsDisruption, goesBackTo
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

/// What a live reconciler answers: JSON lines until `done`, `cleaned` or `refused`.
public enum ControlReply: Codable, Sendable {
    /// It will not, and changed nothing.
    case refused(String, diagnostics: [Diagnostic])
    /// It recorded the revision and begins.
    case accepted(revision: RevisionNumber)
    /// A service moved.
    case progress(QualifiedName, ServiceState, detail: String)
    /// All is as wanted, or cannot become so by itself.
    case done(ApplyResult)
    /// What a cleanup has removed.
    case cleaned(CleanupResult)
}

/// How an apply ended.
public struct ApplyResult: Codable, Hashable, Sendable {
    /// One service of it.
    public struct Service: Codable, Hashable, Sendable {
        /// Which.
        public var name: QualifiedName
        /// Where it stands.
        public var state: ServiceState
        /// What it waits for.
        public var blockedBy: [QualifiedName]
        /// Jobs that were active and had to end.
        public var cancelled: Int
        /// Services that had to stop because of it.
        public var stoppedDependents: [QualifiedName]
    }

    /// The revision.
    public var revision: RevisionNumber
    /// Whether every service stands where it is wanted; blocked ones do not count against it.
    public var isConverged: Bool
    /// The services that are declared or were stopped.
    public var services: [Service]
    /// What went wrong, in words.
    public var errors: [String]
}

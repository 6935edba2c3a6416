public import HeroModel

/// What a plan asks of the machine about one action.
public struct ActionInspectionRequest: Hashable, Sendable {
    /// What it binds, and the process that our own record knows as its own.
    public var order: BlockerScanRequest
    /// Absolute paths of the files that its environment is made of.
    public var environmentFiles: [String]
    /// When its program executed; nil when it does not run as far as we know.
    public var startedAt: WallTime?

    /// Makes a question.
    public init(order: BlockerScanRequest, environmentFiles: [String] = [], startedAt: WallTime? = nil) {
        self.order = order
        self.environmentFiles = environmentFiles
        self.startedAt = startedAt
    }
}

/// What is found of one action at one moment; its own process tree is in nobody's way.
public struct ActionInspectionResult: Hashable, Sendable {
    /// A resource of it that somebody else holds.
    public struct Claim: Hashable, Sendable {
        /// The resource, and who holds it.
        public var holder: ResourceHolder
        /// The place of the question whose job holds it; nil for a stranger.
        public var job: Int?

        /// Makes a claim.
        public init(_ holder: ResourceHolder, job: Int? = nil) {
            self.holder = holder
            self.job = job
        }
    }

    /// Whether the recorded process lives, and is provably that one.
    public var isAlive: Bool
    /// What others hold of what it binds; an instance of it that its PID file proves is one more.
    public var claims: [Claim]
    /// Paths of sockets that are gone from the disk while its program listens on them.
    public var lostSockets: [String]
    /// The path of its program, when that is another file by now than the one that runs.
    public var replacedProgram: String?
    /// Files of its environment that were written, replaced or removed since it started.
    public var changedFiles: [String]

    /// Makes an answer; nothing is found by default.
    public init(
        isAlive: Bool = false,
        claims: [Claim] = [],
        lostSockets: [String] = [],
        replacedProgram: String? = nil,
        changedFiles: [String] = []
    ) {
        self.isAlive = isAlive
        self.claims = claims
        self.lostSockets = lostSockets
        self.replacedProgram = replacedProgram
        self.changedFiles = changedFiles
    }
}

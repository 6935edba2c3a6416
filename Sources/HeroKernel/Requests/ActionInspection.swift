public import HeroModel

/// One action to inspect for a plan.
public struct ActionInspectionRequest: Hashable, Sendable {
    /// What the action binds, and its recorded process.
    public var order: BlockerScanRequest
    /// Its environment files, and the files that hold one of its values.
    public var environmentFiles: [EnvironmentFileReference]
    /// When its program began to execute; nil when it is not recorded as running.
    public var startedAt: WallTime?
    /// What its next start would execute; nil when that is not checked.
    public var launch: LaunchRequest?

    /// Makes a request.
    public init(
        order: BlockerScanRequest,
        environmentFiles: [EnvironmentFileReference] = [],
        startedAt: WallTime? = nil
    ) {
        self.order = order
        self.environmentFiles = environmentFiles
        self.startedAt = startedAt
    }
}

/// What was found of one action at one moment.
///
/// Its own process tree is never a holder.
public struct ActionInspectionResult: Hashable, Sendable {
    /// A resource of the action that another process holds.
    public struct Claim: Hashable, Sendable {
        /// The resource and its holder.
        public var holder: ResourceHolder
        /// The index of the request whose job holds it; nil for a foreign process.
        public var job: Int?

        /// Makes a claim.
        public init(_ holder: ResourceHolder, job: Int? = nil) {
            self.holder = holder
            self.job = job
        }
    }

    /// Whether the recorded process is alive and provably the recorded one.
    public var isAlive: Bool
    /// Resources of the action that other processes hold, and an instance of the action that its PID file proves.
    public var claims: [Claim]
    /// Paths of sockets that were removed from the disk while its program listens on them.
    public var lostSockets: [String]
    /// The path of its program, when the file there is no longer the one that is executed; nil otherwise.
    public var replacedProgram: String?
    /// Its environment files that were written, replaced or removed since it started.
    public var changedFiles: [String]
    /// Why its next start would fail; nil if no reason is certain.
    public var startProblem: StartFailure?

    /// Makes a result; by default nothing was found.
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

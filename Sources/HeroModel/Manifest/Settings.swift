/// What holds for the whole set.
public struct Settings: Hashable, Sendable, Codable {
    /// Services that must be declared; see *required core manifests* in the contract.
    public var required: [QualifiedName]
    /// Values of `${NAME}` in manifests, weaker than `--var`.
    public var variables: [String: String]
    /// Environment variables that `${NAME}` may name, weakest of all.
    public var passedEnvironment: [String]
    /// What actions stop with, where they say nothing.
    public var stop: StopPolicy
    /// What actions are tried again with, where they say nothing; `maxAttempts` is nil for the contract's own defaults.
    public var retry: RetryDefaults
    /// What actions log with, where they say nothing.
    public var log: LogPolicy
    /// Which ended jobs go by themselves.
    public var retention: [RetentionRule]
    /// A plan that stops or restarts more services than this is refused without `--allow-disruption`; nil: no limit.
    public var maxDisruption: Int?

    /// The environment variables that manifests may name unless Settings say otherwise.
    public static let defaultPassedEnvironment = ["HOME", "USER", "PATH_ROOT", "HERO_SOCKET_DIR", "XDG_RUNTIME_DIR"]

    /// Makes settings; the default requires `core/hero_db`.
    public init(required: [QualifiedName] = [QualifiedName("hero_db")]) {
        self.required = required
        variables = [:]
        passedEnvironment = Self.defaultPassedEnvironment
        stop = StopPolicy()
        retry = RetryDefaults()
        log = LogPolicy()
        retention = []
        maxDisruption = nil
    }
}

/// A retry policy whose number of tries may be left to the kind of action.
public struct RetryDefaults: Hashable, Sendable, Codable {
    /// Tries in a row before giving up; nil: 0 (never) for a process, 1 for a one-shot.
    public var maxAttempts: Int?
    /// All else; its own `maxAttempts` means nothing.
    public var policy: RetryPolicy

    /// Makes defaults; without arguments those of the contract.
    public init(maxAttempts: Int? = nil, policy: RetryPolicy = RetryPolicy(maxAttempts: 0)) {
        self.maxAttempts = maxAttempts
        self.policy = policy
    }
}

/// Ended jobs that go by themselves once they are old enough.
public struct RetentionRule: Hashable, Sendable, Codable {
    /// Only jobs that carry this tag; nil: any.
    public var tag: String?
    /// Only jobs of this service; nil: any.
    public var service: QualifiedName?
    /// Only jobs of the action of this name; nil: any.
    public var action: String?
    /// Only jobs in one of these phases, all of them ended ones; empty: any that has ended.
    public var phases: [JobPhase]
    /// Only jobs that ended at least this long ago.
    public var olderThan: Duration

    /// Makes a rule.
    public init(
        tag: String? = nil,
        service: QualifiedName? = nil,
        action: String? = nil,
        phases: [JobPhase] = [],
        olderThan: Duration
    ) {
        self.tag = tag
        self.service = service
        self.action = action
        self.phases = phases
        self.olderThan = olderThan
    }
}

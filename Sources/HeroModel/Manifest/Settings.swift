/// The settings of the whole set.
public struct Settings: Hashable, Sendable, Codable {
    /// The services that must be declared (required core manifests).
    public var required: [QualifiedName]
    /// Values of `${NAME}` in manifests; `--var` overrides them.
    public var variables: [String: String]
    /// The absolute paths of files with values of `${NAME}`; `variables` override them.
    public var variableFiles: [String]
    /// Environment variables that `${NAME}` may read; all other values override them.
    public var passedEnvironment: [String]
    /// The default stop policy of actions.
    public var stop: StopPolicy
    /// The default retry policy of actions; `maxAttempts` is nil for the built-in defaults.
    public var retry: RetryDefaults
    /// The default log policy of actions.
    public var log: LogPolicy
    /// The other default values of services and actions.
    public var execution: ExecutionDefaults
    /// The rules that delete ended jobs.
    public var retention: [RetentionRule]
    /// A plan that stops or restarts more services is refused without `--allow-disruption`; nil: no limit.
    public var maxDisruption: Int?
    /// How long the services of an apply must stay up, without a new start, before the apply counts as converged.
    public var settle: Duration

    /// The default of `pass_env`.
    public static let defaultPassedEnvironment = ["HOME", "USER", "PATH_ROOT", "HERO_SOCKET_DIR", "XDG_RUNTIME_DIR"]

    /// Makes settings; the default requires `core/hero_db`.
    public init(required: [QualifiedName] = [QualifiedName("hero_db")]) {
        self.required = required
        variables = [:]
        variableFiles = []
        passedEnvironment = Self.defaultPassedEnvironment
        stop = StopPolicy()
        retry = RetryDefaults()
        log = LogPolicy()
        execution = ExecutionDefaults()
        retention = []
        maxDisruption = nil
        settle = .seconds(1)
    }
}

/// A default retry policy; its number of attempts can depend on the kind of action.
public struct RetryDefaults: Hashable, Sendable, Codable {
    /// The maximum number of consecutive attempts; nil: 0 (no limit) for a process, 1 for a one-shot.
    public var maxAttempts: Int?
    /// All other values; its own `maxAttempts` is not used.
    public var policy: RetryPolicy

    /// Makes defaults; without arguments the built-in ones.
    public init(maxAttempts: Int? = nil, policy: RetryPolicy = RetryPolicy(maxAttempts: 0)) {
        self.maxAttempts = maxAttempts
        self.policy = policy
    }
}

/// A rule that deletes ended jobs once they are old enough.
public struct RetentionRule: Hashable, Sendable, Codable {
    /// Only jobs with this tag; nil: all.
    public var tag: String?
    /// Only jobs of this service; nil: all.
    public var service: QualifiedName?
    /// Only jobs of actions with this name; nil: all.
    public var action: String?
    /// Only jobs in one of these final phases; empty: all final phases.
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

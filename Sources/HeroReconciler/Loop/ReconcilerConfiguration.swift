import HeroModel

/// How a reconciler is run.
public struct ReconcilerConfiguration: Sendable {
    /// How long it stays.
    public enum Mode: String, Sendable, Codable {
        /// One pass: it leaves when all is as wanted, or cannot become so.
        case once
        /// It stays, and applies what changes in its directory.
        case sync
        /// It stays, and keeps what was applied.
        case keep
    }

    /// How long it stays.
    public var mode: Mode
    /// The absolute services directory it reads; nil when it only keeps what was applied.
    public var directory: String?
    /// Whether the required core manifests must be declared: false with HERO_PROC_NO_AUTOSTART_DB=1.
    public var requiresCore: Bool
    /// Values of `${NAME}` that it was given with `--var`, for the manifests that it reads itself.
    public var variables: [String: String]
    /// Its environment, for the same.
    public var environment: [String: String]
    /// Whether it leaves when a `down` is carried out: the one that `apply` started does.
    public var exitsWhenDown: Bool
    /// Whether it takes everything down when it is asked to leave.
    public var downOnExit: Bool
    /// Whether it takes the place of one that crashed: what that one was told still holds.
    public var isRestartAfterCrash: Bool
    /// How long one pass may take.
    public var timeout: Duration
    /// Who applies, for the history.
    public var actor: String
    /// The git commit of a directory, if it has one.
    public var gitCommit: @Sendable (String) -> String?
    /// Whether a schedule that is applied may name a time zone.
    public var zoneExists: @Sendable (String) -> Bool
    /// Makes the state directory ours again when it was lost; false when it cannot be.
    public var recreateStateDirectory: @Sendable () -> Bool = { true }
    /// Why it only keeps up what was applied, and takes nothing new; nil: it does not hold back.
    public var safeMode: SafeMode?

    /// Makes a configuration.
    public init(
        mode: Mode,
        directory: String?,
        requiresCore: Bool = true,
        variables: [String: String] = [:],
        environment: [String: String] = [:],
        exitsWhenDown: Bool = false,
        downOnExit: Bool = false,
        isRestartAfterCrash: Bool = false,
        timeout: Duration = .seconds(60),
        actor: String,
        gitCommit: @escaping @Sendable (String) -> String? = { _ in nil },
        zoneExists: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        self.mode = mode
        self.directory = directory
        self.requiresCore = requiresCore
        self.variables = variables
        self.environment = environment
        self.exitsWhenDown = exitsWhenDown
        self.downOnExit = downOnExit
        self.isRestartAfterCrash = isRestartAfterCrash
        self.timeout = timeout
        self.actor = actor
        self.gitCommit = gitCommit
        self.zoneExists = zoneExists
    }
}

public import HeroManifest
public import HeroModel
public import HeroPlan

/// The configuration of a reconciler.
public struct ReconcilerConfiguration: Sendable {
    /// How long the reconciler runs.
    public enum Mode: String, Sendable, Codable {
        /// It makes one pass, and exits when everything has settled.
        case once
        /// It stays, and applies every change of its services directory.
        case sync
        /// It stays, and keeps the applied revision running.
        case keep
    }

    /// How a reconciler for development differs.
    public struct Development: Sendable {
        /// Selects services, and removes limits that protect a production machine.
        public var adjust: @Sendable (DesiredState) -> DesiredState
        /// Receives each plan for changed manifests.
        public var reportPlan: @Sendable (Plan) -> Void
        /// Receives why changed manifests are refused, and the errors in them.
        public var reportRefusal: @Sendable (String, [Diagnostic]) -> Void

        /// Makes the functions of a reconciler for development.
        public init(
            adjust: @escaping @Sendable (DesiredState) -> DesiredState,
            reportPlan: @escaping @Sendable (Plan) -> Void,
            reportRefusal: @escaping @Sendable (String, [Diagnostic]) -> Void
        ) {
            self.adjust = adjust
            self.reportPlan = reportPlan
            self.reportRefusal = reportRefusal
        }
    }

    /// How long the reconciler runs.
    public var mode: Mode
    /// The absolute services directory that it reads; nil in mode `keep`.
    public var directory: String?
    /// Whether the required core manifests must be declared; false with HERO_PROC_NO_AUTOSTART_DB=1.
    public var requiresCore: Bool
    /// Values of `${NAME}` from `--var`, for the manifests that the reconciler reads itself.
    public var variables: [String: String]
    /// Its environment, for the same purpose.
    public var environment: [String: String]
    /// Whether it exits when a `down` is carried out; true for a reconciler that `apply` has started in the background.
    public var exitsWhenDown: Bool
    /// Whether it stops all services before it exits.
    public var downOnExit: Bool
    /// Whether it replaces a reconciler that has crashed: then a `down` stays in force.
    public var isRestartAfterCrash: Bool
    /// How long one pass may take at most.
    public var timeout: Duration
    /// The user who applies, for the history.
    public var actor: String
    /// The git commit of a directory; nil when it has none.
    public var gitCommit: @Sendable (String) -> String?
    /// Whether this machine knows a time zone.
    public var zoneExists: @Sendable (String) -> Bool
    /// Reads a file of `vars_files`, for the manifests that the reconciler reads itself.
    public var readVariableFile: (@Sendable (String) -> Result<[UInt8], VariableFileError>)?
    /// Whether a set from another directory than the last revision's may stop services: `--switch-dir`.
    public var switchesDirectory = false
    /// Creates the state directory again when it was lost; false when that fails.
    public var recreateStateDirectory: @Sendable () -> Bool = { true }
    /// Set for `heroproc dev`.
    public var development: Development?
    /// The git repository that it follows in place of a directory; nil without one.
    public var repository: FollowedRepository?
    /// Whether a path exists; only paths below a checkout are asked for.
    public var fileExists: @Sendable (String) -> Bool = { _ in true }
    /// Why the reconciler is in safe mode; nil: it is not.
    public var safeMode: SafeMode?
    /// How many services may begin to start in one turn, at least 1.
    public var maxStartsPerTurn = defaultMaxStartsPerTurn

    /// With fewer, the fixed cost of a turn would count; with more, the first programs would wait for all rows.
    static let defaultMaxStartsPerTurn = 64

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

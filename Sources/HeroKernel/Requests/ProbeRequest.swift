public import HeroModel

/// One probe of one running start.
public struct ProbeRequest: Hashable, Sendable {
    /// What is checked.
    public enum Question: Hashable, Sendable {
        /// The probe that the manifest declares.
        case probe(Probe.Check)
        /// Whether the process tree of the job listens on all of these.
        case listening(sockets: [String], ports: [TCPEndpoint])
        /// Runs a command of the action: its stop or reload command. It is run even if the command of a probe has not
        /// ended yet.
        case command([String])
    }

    /// The start.
    public var start: StartID
    /// Identifies the probe: the result has the same number.
    public var serial: UInt64
    /// What is checked.
    public var question: Question
    /// The process tree must use less than this many bytes of memory; nil: no limit.
    public var memoryBelow: Int64?
    /// After this time the probe has failed.
    public var timeout: Duration
    /// For commands: the environment, weakest layer first.
    public var environment: [EnvironmentLayer]
    /// For commands: the absolute path of the working directory.
    public var workingDirectory: String
    /// For commands: the user, group and privileges.
    public var rights = Rights()
    /// For commands: the process in whose sandbox the command runs; nil: it runs in none.
    public var sandboxed: ProcessIdentity?
    /// For lines of output: the path of the log in the log directory, as in `LaunchRequest`.
    public var logFile = ""
    /// For lines of output: when the start began; earlier lines do not count.
    public var startedAt: WallTime?

    /// Makes a request.
    public init(
        start: StartID,
        serial: UInt64,
        question: Question,
        timeout: Duration,
        environment: [EnvironmentLayer],
        workingDirectory: String
    ) {
        self.start = start
        self.serial = serial
        self.question = question
        self.timeout = timeout
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}

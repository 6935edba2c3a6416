/// What an action's manifest says, with every default filled in.
public struct ActionSpec: Hashable, Sendable, Codable {
    /// What is executed.
    public enum Program: Hashable, Sendable, Codable {
        /// An argument list; the first one is looked up in the action's PATH when it has no slash.
        case exec([String])
        /// A text run under an interpreter (a path or a name; nil: from its `#!` line, else `sh`).
        case script(String, interpreter: String?)
    }

    /// Its name, unique within its service.
    public var name: String
    /// For people.
    public var description: String
    /// Copied onto its jobs.
    public var tags: [String]
    /// What is executed.
    public var program: Program
    /// True: kept alive for ever.
    ///
    /// False: a one-shot, up when it ended well.
    public var isProcess: Bool
    /// Absolute working directory; nil: the service's, else `/`.
    public var workingDirectory: String?
    /// Environment, the stronger one.
    public var environment: [String: EnvironmentValue]
    /// Absolute paths of files of `KEY=VALUE` lines, weaker than `environment`; a later file is stronger.
    public var environmentFiles: [String]
    /// The user it runs as; nil: the service's, else heroproc's own.
    public var user: String?
    /// The group it runs as; nil: the service's, else the main group of its user.
    public var group: String?
    /// Permission bits its files do not get, 0 to 0o777.
    public var umask: UInt32
    /// What it may use of the machine.
    public var limits: ResourceLimits
    /// Whether it and its children may never gain privileges; nil: true where it does not run as root.
    public var noNewPrivileges: Bool?
    /// Whether it is executed only if nobody but root and heroproc's own user could change it.
    public var isStrict: Bool
    /// How readily the kernel kills it when memory runs out, -1000 to 1000; nil: as heroproc itself.
    public var oomScoreAdjustment: Int?
    /// One instance on this machine, by PID file.
    public var singleton: Bool
    /// Absolute path of its PID file; nil: one that heroproc keeps in the state directory.
    public var pidFile: String?
    /// May stop strangers that hold its sockets or ports.
    public var killsOthers: Bool
    /// Absolute paths of the Unix sockets it binds.
    public var sockets: [String]
    /// The TCP ports it binds.
    public var tcpPorts: [BoundPort]
    /// How it is known to be ready; nil: its tree listens on all it declares, or it has executed.
    public var ready: Probe?
    /// How it is known to be alive while it is up; nil: by living.
    public var health: Probe?
    /// Time from the start until it must be ready.
    public var startTimeout: Duration
    /// How long a one-shot may run; nil: as long as it likes.
    public var timeout: Duration?
    /// How it is ended.
    public var stop: StopPolicy
    /// When it is started again.
    public var restart: RestartPolicy
    /// How often, and after which delays.
    public var retry: RetryPolicy
    /// Exit codes that count as ending well, 0 to 255, sorted; never empty.
    public var successExitCodes: [Int32]
    /// When it runs by itself; only outside of services.
    public var schedule: Schedule?
    /// What makes it run once; only outside of services.
    public var runOn: RunOn
    /// How much of its output is kept.
    public var log: LogPolicy
    /// Raised by the author to ask for a restart.
    public var generation: Int

    /// One list for all actions that say nothing.
    private static let defaultExitCodes: [Int32] = [0]

    /// Makes an action with the contract's defaults, which differ between a process and a one-shot.
    public init(_ name: String, _ program: Program, isProcess: Bool = false) {
        self.name = name
        self.program = program
        self.isProcess = isProcess
        description = ""
        tags = []
        workingDirectory = nil
        environment = [:]
        environmentFiles = []
        user = nil
        group = nil
        umask = 0o022
        limits = ResourceLimits()
        noNewPrivileges = nil
        isStrict = false
        oomScoreAdjustment = nil
        singleton = false
        pidFile = nil
        killsOthers = false
        sockets = []
        tcpPorts = []
        ready = nil
        health = nil
        startTimeout = .seconds(30)
        timeout = nil
        stop = StopPolicy()
        restart = isProcess ? .always : .onFailure
        retry = RetryPolicy(maxAttempts: isProcess ? 0 : 1)
        successExitCodes = Self.defaultExitCodes
        schedule = nil
        runOn = .none
        log = LogPolicy()
        generation = 0
    }

    /// Whether it runs by itself, outside of any service.
    public var isStandalone: Bool { schedule != nil || runOn != .none }
}

extension ActionSpec {
    /// Reads a recorded action; what an older version did not record has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try fields.decode(String.self, forKey: .name),
            try fields.decode(Program.self, forKey: .program),
            isProcess: try fields.decode(Bool.self, forKey: .isProcess)
        )
        description = try fields.decode(String.self, forKey: .description)
        tags = try fields.decode([String].self, forKey: .tags)
        workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory)
        environment = try fields.decode([String: EnvironmentValue].self, forKey: .environment)
        environmentFiles = try fields.decodeIfPresent([String].self, forKey: .environmentFiles) ?? environmentFiles
        user = try fields.decodeIfPresent(String.self, forKey: .user)
        group = try fields.decodeIfPresent(String.self, forKey: .group)
        umask = try fields.decodeIfPresent(UInt32.self, forKey: .umask) ?? umask
        limits = try fields.decodeIfPresent(ResourceLimits.self, forKey: .limits) ?? limits
        noNewPrivileges = try fields.decodeIfPresent(Bool.self, forKey: .noNewPrivileges)
        isStrict = try fields.decodeIfPresent(Bool.self, forKey: .isStrict) ?? isStrict
        oomScoreAdjustment = try fields.decodeIfPresent(Int.self, forKey: .oomScoreAdjustment)
        singleton = try fields.decodeIfPresent(Bool.self, forKey: .singleton) ?? singleton
        pidFile = try fields.decodeIfPresent(String.self, forKey: .pidFile)
        killsOthers = try fields.decodeIfPresent(Bool.self, forKey: .killsOthers) ?? killsOthers
        sockets = try fields.decode([String].self, forKey: .sockets)
        tcpPorts = try fields.decode([BoundPort].self, forKey: .tcpPorts)
        ready = try fields.decodeIfPresent(Probe.self, forKey: .ready)
        health = try fields.decodeIfPresent(Probe.self, forKey: .health)
        startTimeout = try fields.decode(Duration.self, forKey: .startTimeout)
        timeout = try fields.decodeIfPresent(Duration.self, forKey: .timeout)
        stop = try fields.decode(StopPolicy.self, forKey: .stop)
        restart = try fields.decode(RestartPolicy.self, forKey: .restart)
        retry = try fields.decode(RetryPolicy.self, forKey: .retry)
        successExitCodes = try fields.decodeIfPresent([Int32].self, forKey: .successExitCodes) ?? successExitCodes
        schedule = try fields.decodeIfPresent(Schedule.self, forKey: .schedule)
        runOn = try fields.decodeIfPresent(RunOn.self, forKey: .runOn) ?? runOn
        log = try fields.decode(LogPolicy.self, forKey: .log)
        generation = try fields.decode(Int.self, forKey: .generation)
    }
}

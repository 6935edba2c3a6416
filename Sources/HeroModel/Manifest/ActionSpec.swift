/// The spec of an action, with all default values.
public struct ActionSpec: Hashable, Sendable, Codable {
    /// The program of an action.
    public enum Program: Hashable, Sendable, Codable {
        /// The program and its arguments; a program without a slash is searched in the PATH of the action.
        case exec([String])
        /// A script and its interpreter (a path or name; nil: from the `#!` line, otherwise `sh`).
        case script(String, interpreter: String?)
    }

    /// When an action of a service runs.
    public enum Occasion: String, Hashable, Sendable, Codable, CaseIterable {
        /// When the service starts.
        case start
        /// When everything else of the service is down, at a stop or restart that was ordered.
        case stopped
    }

    /// How long an action that runs after a stop may run, unless its manifest says otherwise.
    public static let stoppedTimeout = Duration.seconds(30)

    /// The name, unique within its service.
    public var name: String
    /// A description for people.
    public var description: String
    /// Tags that are copied to its jobs.
    public var tags: [String]
    /// The program.
    public var program: Program
    /// Whether it is a process that is kept running; otherwise it is a one-shot, which is up after it has succeeded.
    public var isProcess: Bool
    /// When it runs within a run of its service.
    public var occasion: Occasion {
        get { when ?? .start }
        set { when = newValue == .start ? nil : newValue }
    }
    /// Nil for the default, so that older versions can read the record of an action that has it.
    private var when: Occasion?
    /// Whether a success stands, so that it does not run again until its spec changes; only for a one-shot of a service.
    public var runsOnce: Bool {
        get { once ?? false }
        set { once = newValue ? true : nil }
    }
    /// Nil for the default, so that older versions can read the record of an action that has it.
    private var once: Bool?
    /// The absolute working directory; nil: that of the service, otherwise `/`.
    public var workingDirectory: String?
    /// Environment variables; they override those of the service.
    public var environment: [String: EnvironmentValue]
    /// Files of `KEY=VALUE` lines; a later file overrides an earlier one, `environment` overrides
    /// all.
    public var environmentFiles: [EnvironmentFileReference]
    /// The absolute paths of files that it reads; their content belongs to the spec.
    public var files: [String]
    /// The user; nil: that of the service, otherwise the user of heroproc.
    public var user: String?
    /// The group; nil: that of the service, otherwise the primary group of the user.
    public var group: String?
    /// Permission bits that are removed from new files, 0 to 0o777.
    public var umask: UInt32
    /// The resource limits.
    public var limits: ResourceLimits
    /// Whether the program and its children cannot gain privileges; nil: true unless it runs as root.
    public var noNewPrivileges: Bool?
    /// The capabilities that it keeps, sorted; nil: all of root, and none of another user.
    public var capabilities: [Capability]?
    /// What it can see and change of the machine; nil: everything that its user can.
    public var sandbox: SandboxPolicy?
    /// Whether it runs only if no user except root and the user of heroproc can change its program.
    public var isStrict: Bool
    /// The adjustment of the out-of-memory score, -1000 to 1000; nil: that of heroproc.
    public var oomScoreAdjustment: Int?
    /// The nice value, -20 to 19; nil: that of heroproc.
    public var nice: Int?
    /// The priority of its disk access; nil: it follows from the nice value.
    public var ioPriority: IOPriority?
    /// The directories that are made before a start if they are missing.
    public var folders: [Folder]
    /// Whether only one instance may run on this machine, by PID file.
    public var singleton: Bool
    /// The absolute path of the PID file; nil: a file that heroproc writes in the state directory.
    public var pidFile: String?
    /// Whether heroproc may stop other processes that hold its sockets or ports.
    public var killsOthers: Bool
    /// The absolute paths of the Unix sockets that it binds.
    public var sockets: [String]
    /// The TCP ports that it binds.
    public var tcpPorts: [BoundPort]
    /// The readiness probe; nil: ready when its process tree listens on all declared ports and sockets, or when it
    /// executes.
    public var ready: Probe?
    /// The health probe; nil: healthy while it runs.
    public var health: Probe?
    /// Who may write to its notify socket; nil: its user, or all users where it starts as root and may change its user.
    public var notifyFrom: NotifyFrom?
    /// The maximum time from the start until it is ready.
    public var startTimeout: Duration
    /// The maximum run time of a one-shot; nil: no limit.
    public var timeout: Duration?
    /// How it is stopped.
    public var stop: StopPolicy
    /// How it reads changed files; nil: it is restarted for them.
    public var reload: ReloadPolicy?
    /// When it is restarted.
    public var restart: RestartPolicy
    /// How often and after which delays it is retried.
    public var retry: RetryPolicy
    /// The exit codes that count as success, 0 to 255; sorted and never empty.
    public var successExitCodes: [Int32]
    /// When it runs; only for a standalone action.
    public var schedule: Schedule?
    /// Which event makes it run once; only for a standalone action.
    public var runOn: RunOn
    /// How its output is stored.
    public var log: LogPolicy
    /// A number that the author raises to request a restart.
    public var generation: Int

    /// One shared list for all actions without `success_exit_codes`.
    private static let defaultExitCodes: [Int32] = [0]

    /// Makes an action with default values, which differ between a process and a one-shot.
    public init(_ name: String, _ program: Program, isProcess: Bool = false) {
        self.name = name
        self.program = program
        self.isProcess = isProcess
        description = ""
        tags = []
        when = nil
        once = nil
        workingDirectory = nil
        environment = [:]
        environmentFiles = []
        files = []
        user = nil
        group = nil
        umask = 0o022
        limits = ResourceLimits()
        noNewPrivileges = nil
        capabilities = nil
        sandbox = nil
        isStrict = false
        oomScoreAdjustment = nil
        nice = nil
        ioPriority = nil
        folders = []
        singleton = false
        pidFile = nil
        killsOthers = false
        sockets = []
        tcpPorts = []
        ready = nil
        health = nil
        notifyFrom = nil
        startTimeout = .seconds(30)
        timeout = nil
        stop = StopPolicy()
        reload = nil
        restart = isProcess ? .always : .onFailure
        retry = RetryPolicy(maxAttempts: isProcess ? 0 : 1)
        successExitCodes = Self.defaultExitCodes
        schedule = nil
        runOn = .none
        log = LogPolicy()
        generation = 0
    }

    /// Whether it is a standalone action, which runs outside of any service.
    public var isStandalone: Bool { schedule != nil || runOn != .none }
}

extension ActionSpec {
    /// Whether its program gets a `NOTIFY_SOCKET`, because its readiness or health depends on its messages.
    public var usesNotifySocket: Bool { isProcess && (ready?.check == .notify || watchdog != nil) }

    /// The number of the file descriptor to which its program writes when it is ready; nil if it does not do so.
    public var readyDescriptor: Int? {
        guard isProcess, case .descriptor(let number) = ready?.check else { return nil }
        return number
    }

    /// The maximum time between two `WATCHDOG=1` messages; nil if its health does not depend on them.
    public var watchdog: Duration? {
        guard isProcess, case .watchdog(let limit) = health?.check else { return nil }
        return limit
    }
}

extension ActionSpec {
    /// Whether it is started again even after an exit code that counts as success.
    public var restartsAfterSuccess: Bool { isProcess && restart == .always }
}

extension ActionSpec {
    /// Decodes a stored action; a field that an older version did not store has its default value.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try fields.decode(String.self, forKey: .name),
            try fields.decode(Program.self, forKey: .program),
            isProcess: try fields.decode(Bool.self, forKey: .isProcess)
        )
        description = try fields.decode(String.self, forKey: .description)
        tags = try fields.decode([String].self, forKey: .tags)
        when = try fields.decodeIfPresent(Occasion.self, forKey: .when)
        once = try fields.decodeIfPresent(Bool.self, forKey: .once)
        workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory)
        environment = try fields.decode([String: EnvironmentValue].self, forKey: .environment)
        environmentFiles =
            try fields.decodeIfPresent([EnvironmentFileReference].self, forKey: .environmentFiles) ?? environmentFiles
        files = try fields.decodeIfPresent([String].self, forKey: .files) ?? files
        user = try fields.decodeIfPresent(String.self, forKey: .user)
        group = try fields.decodeIfPresent(String.self, forKey: .group)
        umask = try fields.decodeIfPresent(UInt32.self, forKey: .umask) ?? umask
        limits = try fields.decodeIfPresent(ResourceLimits.self, forKey: .limits) ?? limits
        noNewPrivileges = try fields.decodeIfPresent(Bool.self, forKey: .noNewPrivileges)
        capabilities = try fields.decodeIfPresent([Capability].self, forKey: .capabilities)
        sandbox = try fields.decodeIfPresent(SandboxPolicy.self, forKey: .sandbox)
        isStrict = try fields.decodeIfPresent(Bool.self, forKey: .isStrict) ?? isStrict
        oomScoreAdjustment = try fields.decodeIfPresent(Int.self, forKey: .oomScoreAdjustment)
        nice = try fields.decodeIfPresent(Int.self, forKey: .nice)
        ioPriority = try fields.decodeIfPresent(IOPriority.self, forKey: .ioPriority)
        folders = try fields.decodeIfPresent([Folder].self, forKey: .folders) ?? folders
        singleton = try fields.decodeIfPresent(Bool.self, forKey: .singleton) ?? singleton
        pidFile = try fields.decodeIfPresent(String.self, forKey: .pidFile)
        killsOthers = try fields.decodeIfPresent(Bool.self, forKey: .killsOthers) ?? killsOthers
        sockets = try fields.decode([String].self, forKey: .sockets)
        tcpPorts = try fields.decode([BoundPort].self, forKey: .tcpPorts)
        ready = try fields.decodeIfPresent(Probe.self, forKey: .ready)
        health = try fields.decodeIfPresent(Probe.self, forKey: .health)
        notifyFrom = try fields.decodeIfPresent(NotifyFrom.self, forKey: .notifyFrom)
        startTimeout = try fields.decode(Duration.self, forKey: .startTimeout)
        timeout = try fields.decodeIfPresent(Duration.self, forKey: .timeout)
        stop = try fields.decode(StopPolicy.self, forKey: .stop)
        reload = try fields.decodeIfPresent(ReloadPolicy.self, forKey: .reload)
        restart = try fields.decode(RestartPolicy.self, forKey: .restart)
        retry = try fields.decode(RetryPolicy.self, forKey: .retry)
        successExitCodes = try fields.decodeIfPresent([Int32].self, forKey: .successExitCodes) ?? successExitCodes
        schedule = try fields.decodeIfPresent(Schedule.self, forKey: .schedule)
        runOn = try fields.decodeIfPresent(RunOn.self, forKey: .runOn) ?? runOn
        log = try fields.decode(LogPolicy.self, forKey: .log)
        generation = try fields.decode(Int.self, forKey: .generation)
    }
}

public import HeroModel

/// All a shim must know to start a program.
public struct LaunchRequest: Hashable, Sendable {
    /// Which start it is.
    public var start: StartID
    /// `context/service.action`, as `ps` shows it.
    public var label: String
    /// argv.
    ///
    /// A program without a slash is looked up in the `PATH` of its own environment, like execvp(3) does. Where there is a script, its path is put in place of `scriptPlaceholder`.
    public var arguments: [String]
    /// The whole environment, weakest layer first.
    public var environment: [EnvironmentLayer]
    /// Absolute.
    public var workingDirectory: String
    /// Text to be written to a file that only this job uses.
    public var script: String?
    /// Of the files the program makes.
    public var umask: UInt32
    /// As whom it runs, and what it may use; `HOME USER LOGNAME SHELL` of the user are added where the environment has none.
    public var rights = Rights()
    /// The absolute path of the file in which a daemon that forks away names itself: it then is the main program.
    public var pidFile: String?
    /// How long after the fork that file, or the word of the program, is waited for.
    public var handoverTimeout: Duration = .seconds(30)
    /// The exit codes of a program that has forked away well; any other is a failed start, whatever the file says.
    public var handoverCodes: Set<Int32> = [0]
    /// Whether it gets a `NOTIFY_SOCKET` to speak on; what it says arrives as `said`.
    public var mayNotify = false
    /// Whether it is not ready before it says so: then it may fork away first, and name its main process later.
    public var notifiesReady = false
    /// How often it must say `WATCHDOG=1` at the least, as it is told in `WATCHDOG_USEC`; only where it may speak.
    public var watchdog: Duration?
    /// For what the main program leaves behind when it ends.
    public var stop: StopPolicy
    /// How much output is kept.
    public var log: LogPolicy
    /// Path of the log below the log directory: `context/service/action/17.log`.
    public var logFile: String

    /// Whether a program of this job has executed before: what was up is brought back before anything new is begun.
    public var isRestart = false

    /// The argument that stands for the script's path.
    public static let scriptPlaceholder = "\u{0}script"

    /// Makes an order.
    public init(
        start: StartID,
        label: String,
        arguments: [String],
        environment: [EnvironmentLayer],
        workingDirectory: String,
        script: String? = nil,
        umask: UInt32 = 0o022,
        stop: StopPolicy,
        log: LogPolicy,
        logFile: String
    ) {
        self.start = start
        self.label = label
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.script = script
        self.umask = umask
        self.stop = stop
        self.log = log
        self.logFile = logFile
    }
}

/// Where the output of a start goes that its shim stores no more.
public struct OutputCaptureRequest: Hashable, Sendable {
    /// Which start it is.
    public var start: StartID
    /// How much output is kept.
    public var log: LogPolicy
    /// Path of the log below the log directory, as in `LaunchOrder`.
    public var logFile: String

    /// Makes an order.
    public init(start: StartID, log: LogPolicy, logFile: String) {
        self.start = start
        self.log = log
        self.logFile = logFile
    }
}

/// One question to one running start.
public struct ProbeRequest: Hashable, Sendable {
    /// What is asked.
    public enum Question: Hashable, Sendable {
        /// What the manifest says.
        case probe(Probe.Check)
        /// Whether the job's own process tree listens on all of these.
        case listening(sockets: [String], ports: [TCPEndpoint])
    }

    /// The start it is about.
    public var start: StartID
    /// Comes back with the answer.
    public var serial: UInt64
    /// What is asked.
    public var question: Question
    /// After this long the answer is no.
    public var timeout: Duration
    /// For commands, weakest layer first.
    public var environment: [EnvironmentLayer]
    /// For commands; absolute.
    public var workingDirectory: String
    /// For commands: as whom they run.
    public var rights = Rights()
    /// For lines of output: the path of the log below the log directory, as in `LaunchOrder`.
    public var logFile = ""
    /// For lines of output: when the start began; what was written earlier does not count.
    public var startedAt: WallTime?

    /// Makes an order.
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

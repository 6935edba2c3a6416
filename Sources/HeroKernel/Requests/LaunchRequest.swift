public import HeroModel

/// Everything a shim needs to start a program.
public struct LaunchRequest: Hashable, Sendable {
    /// The start.
    public var start: StartID
    /// `context/service.action`, as shown by `ps`.
    public var label: String
    /// argv.
    ///
    /// A program without a slash is searched in the `PATH` of its own environment, like execvp(3) does. The path of the
    /// script replaces `scriptPlaceholder`.
    public var arguments: [String]
    /// The complete environment, weakest layer first.
    public var environment: [EnvironmentLayer]
    /// The absolute path of the working directory.
    public var workingDirectory: String
    /// The text of the script, which is written to a file of this job; nil for a command.
    public var script: String?
    /// The umask of the program.
    public var umask: UInt32
    /// The user, group, limits and privileges.
    ///
    /// `HOME USER LOGNAME SHELL` of the user are added where the environment has none.
    public var rights = Rights()
    /// What the program can see and change of the machine; nil: everything that its user can.
    public var sandbox: SandboxPolicy?
    /// The absolute path of the PID file of a daemon that forks: it names the main process; nil for other programs.
    public var pidFile: String?
    /// How long after the fork the PID file, or the notify message, is waited for.
    public var handoverTimeout: Duration = .seconds(30)
    /// The exit codes of a program that has forked successfully.
    ///
    /// Any other code is a failed start.
    public var handoverCodes: Set<Int32> = [0]
    /// Whether the program gets a `NOTIFY_SOCKET`; its messages arrive as `notified`.
    public var mayNotify = false
    /// Who may write to that socket; nil is the default of the shim.
    public var notifyFrom: NotifyFrom?
    /// Whether the program becomes ready by a notify message.
    ///
    /// Then it may fork first, and name its main process later.
    public var notifiesReady = false
    /// The file descriptor to which the program writes a newline when it is ready; nil for other programs.
    public var readyDescriptor: Int?
    /// The longest time between two `WATCHDOG=1` messages, passed as `WATCHDOG_USEC`; nil where none are required.
    public var watchdog: Duration?
    /// The directories that are made before the start if they are missing.
    public var folders: [Folder] = []
    /// How processes are stopped that the main process leaves behind.
    public var stop: StopPolicy
    /// How much output is kept in the log.
    public var log: LogPolicy
    /// The path of the log in the log directory: `context/service/action/17.log`.
    public var logFile: String

    /// Whether a program of this job has executed before.
    ///
    /// Restarts have priority over first starts.
    public var isRestart = false

    /// The argument that the path of the script replaces.
    public static let scriptPlaceholder = "\u{0}script"

    /// Makes a request.
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

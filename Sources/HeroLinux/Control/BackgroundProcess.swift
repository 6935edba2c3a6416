import CHeroLinux
import Glibc

/// A heroproc process that keeps running after this process has ended.
public struct BackgroundProcess {
    /// The PID, for messages.
    public let pid: Int32
    private let pidfd: Descriptor?

    /// Starts this program in a session of its own.
    ///
    /// - Parameters:
    ///   - arguments: The arguments after the program name.
    ///   - environment: The whole environment of the process.
    ///   - logFile: The file to which standard output and standard error are appended.
    ///   - isMonitored: Whether a monitor restarts the program after a crash; the returned process is the monitor then.
    /// - Returns: The running process.
    /// - Throws: If the program cannot be started or its log cannot be opened.
    public static func spawn(
        _ arguments: [String],
        environment: [String: String],
        logFile: String,
        isMonitored: Bool = false
    ) throws(LinuxError) -> BackgroundProcess {
        let (program, commandLine) =
            isMonitored
            ? try MonitoredReconciler.monitorCommand(arguments, environment: environment)
            : (MonitoredReconciler.executablePath, ["heroproc"] + arguments)
        try TrustedFile.check(logFile, task: "open \(logFile)")
        let number = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw LinuxError(cannot: "open \(logFile)", errno) }
        let log = try raiseDescriptor(number, "open \(logFile)")
        let nullNumber = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nullNumber >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        let null = try raiseDescriptor(nullNumber, "open /dev/null")
        let environment = isMonitored ? MonitoredReconciler.withAbsolutePaths(environment) : environment
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let pid = withArgumentList(commandLine) { list in
            withArgumentList(variables) { hl_spawn_detached(program, list, $0, null.number, log.number) }
        }
        try check(pid, "start \(program) in the background")
        let pidfd = hl_pidfd_open(pid)
        return BackgroundProcess(pid: pid, pidfd: pidfd >= 0 ? Descriptor(pidfd) : nil)
    }

    /// The exit code after the process has ended (128 plus the signal that killed it); nil while it runs.
    public func exitCode() -> Int32? {
        var status: Int32 = 0
        guard let pidfd, hl_pidfd_reap(pidfd.number, &status) == 1 else { return nil }
        return hl_status_exited(status) == 1 ? hl_status_code(status) : 128 + hl_status_signal(status)
    }
}

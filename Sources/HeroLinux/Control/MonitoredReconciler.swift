import CHeroLinux
import CHeroRecord
import Glibc

/// Runs a reconciler under a monitor: a small process, `hpshim keep`, that restarts the reconciler after a crash
/// (SH-15).
public enum MonitoredReconciler {
    /// The exit code of a monitored reconciler that cannot work now and asks to be started again later.
    public static let retryLaterExitCode = HERO_RECONCILER_UNAVAILABLE
    /// The exit code of a monitored reconciler that asks to be restarted at once.
    public static let restartExitCode = HERO_RECONCILER_RESTART

    /// Whether the monitor of this process reads its heartbeat pipe; asked before any other file is opened.
    public static var hasHeartbeatPipe: Bool {
        var file = stat()
        return fstat(HERO_FD_HEARTBEAT, &file) == 0 && file.st_mode & S_IFMT == S_IFIFO
    }

    /// Announces to the monitor that this process exits now and must not be started again, whatever its exit code is.
    public static func announceExit() {
        var announcement = UInt8(truncatingIfNeeded: HERO_HEARTBEAT_EXIT)
        _ = write(HERO_FD_HEARTBEAT, &announcement, 1)
    }

    /// Replaces this process with a monitor that runs this program.
    ///
    /// - Parameters:
    ///   - arguments: The arguments after the program name. Their paths must be absolute, because the monitor runs in
    ///     the root directory.
    ///   - environment: The environment of this process.
    /// - Throws: If there is no shim, or it cannot be executed. On success this function does not return.
    public static func becomeMonitor(_ arguments: [String], environment: [String: String]) throws(LinuxError) -> Never {
        let (program, commandLine) = try monitorCommand(arguments, environment: environment)
        // The reconciler reports what cannot be reset.
        _ = try InheritedAttributes.reset()
        let environment = withAbsolutePaths(environment)
        let result = withArgumentList(commandLine) { list in
            withArgumentList(environment.map { "\($0.key)=\($0.value)" }) { variables in
                _ = execve(program, list, variables)
                return errno
            }
        }
        throw LinuxError(cannot: "execute \(program)", result)
    }

    /// Makes the paths in variables of heroproc absolute.
    static func withAbsolutePaths(_ environment: [String: String]) -> [String: String] {
        var environment = environment
        for name in ["HEROPROC_DIR", "HEROPROC_STATE", "HEROPROC_SHIM", "HEROPROC_LOOKUP"] {
            guard let path = environment[name], !path.isEmpty else { continue }
            environment[name] = absolutePath(path)
        }
        return environment
    }

    /// Whether a termination signal that the monitor has passed on is pending.
    public static var isTerminationPending: Bool {
        var pending = sigset_t()
        guard sigpending(&pending) == 0 else { return false }
        return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1
    }

    /// Returns the program and the command line of the monitor.
    static func monitorCommand(
        _ arguments: [String],
        environment: [String: String]
    ) throws(LinuxError) -> (program: String, commandLine: [String]) {
        let shim = try ShimLauncher.findShim(nil, environment: environment)
        return (shim, ["hpshim", "keep", executablePath] + arguments)
    }

    /// Returns a closure that reports whether the file of this program has been replaced, as an upgrade does.
    public static func makeReplacementCheck() -> @Sendable () -> Bool { makeReplacementCheck(of: executablePath) }

    static func makeReplacementCheck(of path: String) -> @Sendable () -> Bool {
        let own = fileSignature(of: path)
        // While an installer has removed the old file and not yet created the new one, there is nothing to restart
        // with.
        return { fileSignature(of: path).map { $0 != own } ?? false }
    }

    private static func fileSignature(of path: String) -> [Int64]? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        return [
            Int64(truncatingIfNeeded: file.st_dev), Int64(truncatingIfNeeded: file.st_ino), Int64(file.st_size),
            Int64(file.st_mtim.tv_sec), Int64(file.st_mtim.tv_nsec),
        ]
    }

    /// The path of this program; after an upgrade it leads to the new version.
    static var executablePath: String { realPath("/proc/self/exe") ?? "/proc/self/exe" }
}

import CHeroLinux
import CHeroRecord
import Glibc

/// Lets a reconciler be kept: a tiny process, `hpshim keep`, starts it again whenever it crashes (reliability.md SH-15).
public enum MonitoredReconciler {
    /// The code with which a kept reconciler leaves when it cannot work now, but may later.
    public static let retryLaterExitCode = HERO_RECONCILER_UNAVAILABLE
    /// The code with which one leaves so that the next one begins anew.
    public static let restartExitCode = HERO_RECONCILER_RESTART

    /// Makes this very process the keeper of this very program.
    ///
    /// - Parameters:
    ///   - arguments: What follows the program's name.
    ///   - environment: The process's environment.
    /// - Throws: when there is no shim, or it cannot be executed; on success it does not return.
    public static func becomeMonitor(_ arguments: [String], environment: [String: String]) throws(LinuxError) -> Never {
        let (program, words) = try monitorCommand(arguments, environment: environment)
        let result = withArgumentList(words) { list in
            withArgumentList(environment.map { "\($0.key)=\($0.value)" }) { variables in
                _ = execve(program, list, variables)
                return errno
            }
        }
        throw LinuxError(cannot: "execute \(program)", result)
    }

    /// Whether a signal that a keeper has passed on waits to be taken.
    public static var isTerminationPending: Bool {
        var pending = sigset_t()
        guard sigpending(&pending) == 0 else { return false }
        return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1
    }

    /// The keeper's program and its whole command line.
    static func monitorCommand(
        _ arguments: [String],
        environment: [String: String]
    ) throws(LinuxError) -> (program: String, words: [String]) {
        let shim = try ShimLauncher.findShim(nil, environment: environment)
        return (shim, ["hpshim", "keep", executablePath] + arguments)
    }

    /// Makes the question whether another program stands where this one did: an upgrade.
    public static func makeReplacementCheck() -> @Sendable () -> Bool { makeReplacementCheck(of: executablePath) }

    static func makeReplacementCheck(of path: String) -> @Sendable () -> Bool {
        let own = fileSignature(of: path)
        // While an installer has removed the old one and not yet put the new one there is nothing to begin anew with.
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

    /// The path of this program; a new version that takes its place is what the next start executes.
    static var executablePath: String { realPath("/proc/self/exe") ?? "/proc/self/exe" }
}

/// What a keeper tells the reconciler that it starts: the value of `--kept`.
public struct MonitorReport: Hashable, Sendable {
    /// Whether it follows one that ended.
    public var followsExit: Bool
    /// How many of its predecessors have crashed lately by themselves, 0 to 3; what killed them from outside is not counted.
    public var recentCrashes: Int32
    /// The signal that ended the last one of these; 0 where there is none.
    public var lastSignal: Int32

    /// Reads `0` (the first start), `C:SS` (the crashes and the signal of the last one), or `1`, as older keepers say that
    /// one ended.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int32($0) }
        guard numbers.count == parts.count, (1...2).contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        followsExit = numbers.count == 2 || numbers[0] > 0
        recentCrashes = numbers.count == 2 ? numbers[0] : 0
        lastSignal = numbers.count == 2 ? numbers[1] : 0
    }

    /// Whether the next one had better hold back (reliability.md CR-6).
    public var isCrashLoop: Bool { recentCrashes >= HERO_CRASH_LIMIT }
}

import CHeroLinux
import CHeroRecord
import Glibc

/// Lets a reconciler be kept: a tiny process, `hpshim keep`, starts it again whenever it crashes (reliability.md SH-15).
public enum Keeping {
    /// The code with which a kept reconciler leaves when it cannot work now, but may later.
    public static let trouble = HERO_RECONCILER_UNAVAILABLE
    /// The code with which one leaves so that the next one begins anew.
    public static let anew = HERO_RECONCILER_RESTART

    /// Makes this very process the keeper of this very program.
    ///
    /// - Parameters:
    ///   - arguments: What follows the program's name.
    ///   - environment: The process's environment.
    /// - Throws: when there is no shim, or it cannot be executed; on success it does not return.
    public static func become(_ arguments: [String], environment: [String: String]) throws(LinuxError) -> Never {
        let (program, words) = try command(arguments, environment: environment)
        let result = withArgumentList(words) { list in
            withArgumentList(environment.map { "\($0.key)=\($0.value)" }) { variables in
                _ = execve(program, list, variables)
                return errno
            }
        }
        throw LinuxError(cannot: "execute \(program)", result)
    }

    /// Whether a signal that a keeper has passed on waits to be taken.
    public static var isAskedToLeave: Bool {
        var pending = sigset_t()
        guard sigpending(&pending) == 0 else { return false }
        return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1
    }

    /// The keeper's program and its whole command line.
    static func command(
        _ arguments: [String],
        environment: [String: String]
    ) throws(LinuxError) -> (program: String, words: [String]) {
        let shim = try Launcher.findShim(nil, environment: environment)
        return (shim, ["hpshim", "keep", ownProgram] + arguments)
    }

    /// Makes the question whether another program stands where this one did: an upgrade.
    public static func replacement() -> @Sendable () -> Bool { replacement(of: ownProgram) }

    static func replacement(of path: String) -> @Sendable () -> Bool {
        let own = mark(of: path)
        // While an installer has removed the old one and not yet put the new one there is nothing to begin anew with.
        return { mark(of: path).map { $0 != own } ?? false }
    }

    private static func mark(of path: String) -> [Int64]? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        return [
            Int64(truncatingIfNeeded: file.st_dev), Int64(truncatingIfNeeded: file.st_ino), Int64(file.st_size),
            Int64(file.st_mtim.tv_sec), Int64(file.st_mtim.tv_nsec),
        ]
    }

    /// The path of this program; a new version that takes its place is what the next start executes.
    static var ownProgram: String { realPath("/proc/self/exe") ?? "/proc/self/exe" }
}

/// What a keeper tells the reconciler that it starts: the value of `--kept`.
public struct KeeperNews: Hashable, Sendable {
    /// Whether it follows one that ended.
    public var followsEnd: Bool
    /// How many of its predecessors have crashed lately by themselves, 0 to 3; what killed them from outside is not counted.
    public var crashes: Int32
    /// The signal that ended the last one of these; 0 where there is none.
    public var signal: Int32

    /// Reads `0` (the first start), `C:SS` (the crashes and the signal of the last one), or `1`, as older keepers say that
    /// one ended.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int32($0) }
        guard numbers.count == parts.count, (1...2).contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        followsEnd = numbers.count == 2 || numbers[0] > 0
        crashes = numbers.count == 2 ? numbers[0] : 0
        signal = numbers.count == 2 ? numbers[1] : 0
    }

    /// Whether the next one had better hold back (reliability.md CR-6).
    public var isCrashLoop: Bool { crashes >= HERO_CRASH_LIMIT }
}

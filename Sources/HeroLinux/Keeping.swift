import CHeroLinux
import CHeroRecord
import Glibc

/// Lets a reconciler be kept: a tiny process, `hpshim keep`, starts it again whenever it crashes (reliability.md SH-15).
public enum Keeping {
    /// The code with which a kept reconciler leaves when it cannot work now, but may later.
    public static let trouble = HERO_KEPT_TROUBLE

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

    /// The path of this program; a new version that takes its place is what the next start executes.
    static var ownProgram: String { realPath("/proc/self/exe") ?? "/proc/self/exe" }
}

import CHeroLinux
import Glibc

/// A program that answers and ends, run to its end.
///
/// Its streams are files in memory, so that neither side ever waits for the other.
package enum CommandRunner {
    /// What came of a run.
    package struct CommandResult {
        /// The exit code; 128 and the signal where one ended it.
        package var exitCode: Int32
        package var output: [UInt8]
        package var errorOutput: String

        package var outputText: String { String(decoding: output, as: UTF8.self).trimmed }
    }

    /// Answers are small next to this; what is longer is none of ours.
    private static let maximumOutput = 1 << 30

    /// Runs it; a name without a slash is looked up in our own PATH.
    ///
    /// - Throws: when there is no such program, or it cannot be started.
    package static func runCommand(
        _ words: [String],
        environment: [String: String],
        input: [UInt8] = []
    ) throws(LinuxError) -> CommandResult {
        let name = words.first ?? ""
        let number = input.withUnsafeBytes { hl_sealed_memfd($0.baseAddress, $0.count) }
        let stdin = Descriptor(try check(number, "hand \(name) its input"))
        let out = try makeMemoryFile(name)
        let err = try makeMemoryFile(name)
        let pid = try spawn(words, environment.map { "\($0.key)=\($0.value)" }, stdin, out, err)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw LinuxError(cannot: "wait for \(name)", errno) }
        }
        return CommandResult(
            exitCode: hl_status_exited(status) == 1 ? hl_status_code(status) : 128 + hl_status_signal(status),
            output: readAll(out.number, limit: maximumOutput) ?? [],
            errorOutput: String(decoding: readAll(err.number, limit: 65_536) ?? [], as: UTF8.self).trimmed
        )
    }

    private static func makeMemoryFile(_ name: String) throws(LinuxError) -> Descriptor {
        Descriptor(try check(hl_memfd(), "make room for the answer of \(name)"))
    }

    private static func spawn(
        _ words: [String],
        _ environment: [String],
        _ stdin: Descriptor,
        _ out: Descriptor,
        _ err: Descriptor
    ) throws(LinuxError) -> pid_t {
        let name = words.first ?? ""
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in [stdin, out, err].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source.number, Int32(target))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var pid: pid_t = 0
        let failure = withArgumentList(words) { words in
            withArgumentList(environment) { posix_spawnp(&pid, name, &actions, &attributes, words, $0) }
        }
        guard failure == 0 else { throw LinuxError(cannot: "run \(name)", failure) }
        return pid
    }
}

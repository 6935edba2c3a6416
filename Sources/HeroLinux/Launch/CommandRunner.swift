import CHeroLinux
import Glibc

/// Runs a short-lived program and waits for its end.
///
/// Its standard streams are memory files, so that neither side ever blocks.
package enum CommandRunner {
    /// The result of a run.
    package struct CommandResult {
        /// The exit code; 128 plus the signal if one killed the program.
        package var exitCode: Int32
        package var output: [UInt8]
        package var errorOutput: String

        package var outputText: String { String(decoding: output, as: UTF8.self).trimmed }
    }

    /// The largest output that is read, in bytes.
    private static let maximumOutput = 1 << 30

    /// Runs a program; a name without a slash is searched in the `PATH` of this process.
    ///
    /// - Throws: If the program does not exist or cannot be started.
    package static func runCommand(
        _ arguments: [String],
        environment: [String: String],
        input: [UInt8] = []
    ) throws(LinuxError) -> CommandResult {
        let name = arguments.first ?? ""
        let number = input.withUnsafeBytes { hl_sealed_memfd($0.baseAddress, $0.count) }
        let stdin = Descriptor(try check(number, "pass the input to \(name)"))
        let out = try makeMemoryFile(name)
        let err = try makeMemoryFile(name)
        let pid = try spawn(arguments, environment.map { "\($0.key)=\($0.value)" }, stdin, out, err)
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
        Descriptor(try check(hl_memfd(), "create a memory file for the output of \(name)"))
    }

    private static func spawn(
        _ arguments: [String],
        _ environment: [String],
        _ stdin: Descriptor,
        _ out: Descriptor,
        _ err: Descriptor
    ) throws(LinuxError) -> pid_t {
        let name = arguments.first ?? ""
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
        sigaddset(&signals, SIGXFSZ)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var pid: pid_t = 0
        let failure = withArgumentList(arguments) { arguments in
            withArgumentList(environment) { posix_spawnp(&pid, name, &actions, &attributes, arguments, $0) }
        }
        guard failure == 0 else { throw LinuxError(cannot: "run \(name)", failure) }
        return pid
    }
}

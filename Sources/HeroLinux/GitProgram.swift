import CHeroLinux
import Glibc

/// The program git, run to its end.
///
/// Its streams are files in memory, so that neither side ever waits for the other.
struct GitProgram {
    /// What came of a run.
    struct Answer {
        /// The exit code; 128 and the signal where one ended it.
        var code: Int32
        var out: [UInt8]
        var err: String

        var text: String { String(decoding: out, as: UTF8.self).trimmed }
    }

    /// Answers are small next to this; what is longer is none of ours.
    private static let longestAnswer = 1 << 30

    /// The absolute folder it works in.
    let folder: String
    private let environment: [String]

    /// Prepares it: it answers in English, asks nobody, fetches nothing and takes no lock.
    init(in folder: String, environment: [String: String]) {
        self.folder = folder
        var variables = environment
        // A hook sets these for its own repository; here the folder says which one is meant.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] { variables[name] = nil }
        variables["LC_ALL"] = "C"
        variables["GIT_TERMINAL_PROMPT"] = "0"
        variables["GIT_OPTIONAL_LOCKS"] = "0"
        variables["GIT_NO_LAZY_FETCH"] = "1"
        self.environment = variables.map { "\($0.key)=\($0.value)" }
    }

    /// Runs it.
    ///
    /// - Throws: when there is no such program, or it cannot be started.
    func run(_ arguments: [String], input: [UInt8] = []) throws(LinuxError) -> Answer {
        let number = input.withUnsafeBytes { hl_sealed_memfd($0.baseAddress, $0.count) }
        let stdin = Descriptor(try check(number, "hand git its input"))
        let out = try Self.memory()
        let err = try Self.memory()
        let pid = try spawn(["git", "-C", folder, "--no-pager", "--literal-pathspecs"] + arguments, stdin, out, err)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw LinuxError(cannot: "wait for git", errno) }
        }
        return Answer(
            code: hl_status_exited(status) == 1 ? hl_status_code(status) : 128 + hl_status_signal(status),
            out: readAll(out.number, limit: Self.longestAnswer) ?? [],
            err: String(decoding: readAll(err.number, limit: 65_536) ?? [], as: UTF8.self).trimmed
        )
    }

    private static func memory() throws(LinuxError) -> Descriptor {
        Descriptor(try check(hl_memfd(), "make room for the answer of git"))
    }

    private func spawn(
        _ arguments: [String],
        _ stdin: Descriptor,
        _ out: Descriptor,
        _ err: Descriptor
    ) throws(LinuxError) -> pid_t {
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
        let failure = withArgumentList(arguments) { arguments in
            withArgumentList(environment) { posix_spawnp(&pid, "git", &actions, &attributes, arguments, $0) }
        }
        guard failure == 0 else { throw LinuxError(cannot: "run git", failure) }
        return pid
    }
}

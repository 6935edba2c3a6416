import Foundation

/// A child process.
struct ChildProcess {
    /// The process ID.
    let pid: pid_t

    /// Starts a program in its own process group, so that Ctrl-C reaches only hpbench, which cleans up.
    ///
    /// The start changes the working directory of hpbench for a moment. Without an output file the output is discarded.
    init(_ arguments: [String], in directory: String? = nil, output: String? = nil) throws {
        BenchDirectory.lock.lock()
        defer { BenchDirectory.lock.unlock() }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))

        let previous = FileManager.default.currentDirectoryPath
        if let directory, !FileManager.default.changeCurrentDirectoryPath(directory) {
            throw BenchError("cannot enter \(directory)")
        }
        defer { if directory != nil { _ = FileManager.default.changeCurrentDirectoryPath(previous) } }

        let argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, environ)
        guard code == 0 else { throw BenchError("cannot start \(arguments[0]): \(String(cString: strerror(code)))") }
        self.pid = pid
    }

    /// The exit status of a program and the resources that it used.
    struct ExitInfo {
        /// The exit code; 128 plus the signal number after a signal.
        var code: Int32
        /// User and system time, in seconds.
        var processorTime: Double
        /// The peak resident memory, in MiB.
        var peakMemory: Double
    }

    /// Waits for the exit.
    @discardableResult
    func wait() -> ExitInfo {
        var status: Int32 = 0
        var usage = rusage()
        while wait4(pid, &status, 0, &usage) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return ExitInfo(
            code: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
            processorTime: Double(seconds) + Double(microseconds) / 1e6,
            peakMemory: Double(usage.ru_maxrss) / 1024
        )
    }

    /// Runs a program and returns its output on stdout and stderr.
    static func output(_ arguments: [String], expecting codes: Set<Int32> = [0], in place: BenchDirectory) throws
        -> String
    {
        let path = place.path + "/output.\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        let code = try ChildProcess(arguments, output: path).wait().code
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        guard codes.contains(code) else {
            throw BenchError("`\(arguments.joined(separator: " "))` ended with \(code):\n\(text.suffix(2000))")
        }
        return text
    }

    /// The path of a program on the PATH; nil when it is not installed.
    static func path(of program: String) -> String? {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.lazy.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}

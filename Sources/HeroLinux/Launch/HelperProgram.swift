import CHeroLinux
import Glibc
import HeroModel

/// The program that does for this process what may block or crash: it runs as a child and can be killed.
///
/// It looks up accounts, and reads other processes and files of other users.
struct HelperProgram {
    /// A helper process that was started.
    struct Running {
        /// Its PID, which no other process can get before this one is reaped.
        var pid: Int32
        /// Its pidfd: becomes readable when the process ends.
        var pidfd: Descriptor
        /// The non-blocking read end of the pipe that carries its reply.
        var replyPipe: Descriptor
    }

    /// The path of the program.
    let path: String
    /// The out-of-memory score with which the process starts.
    var oomScore = OOMScore()

    /// Finds the program: `HEROPROC_LOOKUP` if it is set, else this program itself, else `heroproc` in the directory of
    /// the shim.
    static func find(environment: [String: String], shim: String?) -> HelperProgram {
        if let named = environment["HEROPROC_LOOKUP"], !named.isEmpty { return .init(path: absolutePath(named)) }
        // This path also works after a new version has replaced the file on disk (UP-4).
        if isHeroproc(realPath("/proc/self/exe") ?? "") { return .init(path: "/proc/self/exe") }
        let folder = shim.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } } ?? "/usr/bin"
        return .init(path: "\(folder)/heroproc")
    }

    private static func isHeroproc(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return name == "heroproc" || name == "heroproc (deleted)"
    }

    /// Waits until a descriptor is readable, at most 100 ms.
    fileprivate static func wait(for descriptor: Descriptor) {
        var entry = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, 100)
    }

    /// Starts heroproc as a helper process with these arguments and variables; returns nil with the errno in `error`.
    ///
    /// The kernel kills the process when the calling thread ends.
    func start(_ arguments: [String], _ error: inout Int32, variables: [String] = []) -> Running? {
        var replyPipe: Descriptor?
        let pid = spawn(arguments, variables, &replyPipe)
        // Only this process reaps its children, so the PID still means this child. The descriptors needed for the spawn
        // are closed by now.
        let pidfd = pid > 0 ? hl_pidfd_open(pid) : pid
        error = 0 &- pidfd
        guard pidfd >= 0, let replyPipe else { return nil }
        return Running(pid: pid, pidfd: Descriptor(pidfd), replyPipe: replyPipe)
    }

    private func spawn(_ arguments: [String], _ variables: [String], _ replyPipe: inout Descriptor?) -> Int32 {
        var ends: (read: Int32, write: Int32) = (-1, -1)
        let made = hl_pipe(&ends.read, &ends.write, 65_536)
        guard made >= 0 else { return made }
        replyPipe = Descriptor(ends.read)
        let writeEnd = Descriptor(ends.write)
        _ = fcntl(ends.write, F_SETFL, fcntl(ends.write, F_GETFL) & ~O_NONBLOCK)
        let null = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
        guard null.number >= 0 else { return 0 &- errno }
        var command = hl_command()
        command.null_device = null.number
        command.output = writeEnd.number
        command.errors = null.number
        command.dies_with_parent = 1
        oomScore.put(into: &command)
        var step: Int32 = 0
        return command.spawn([path], ["heroproc"] + arguments, variables, in: "/", &step)
    }
}

extension HelperProgram.Running {
    /// Kills the process and its process group.
    func kill() {
        _ = hl_pidfd_send_group_signal(pidfd.number, SIGKILL)
        _ = hl_pidfd_send_signal(pidfd.number, SIGKILL)
    }

    /// Reaps the process; returns false while it still runs.
    func reap() -> Bool {
        var status: Int32 = 0
        return hl_pidfd_reap(pidfd.number, &status) != 0
    }

    /// Kills the process and waits for its end; a process that does not end is reaped later by its new parent.
    ///
    /// - Parameter tries: How often to wait for its end, 100 ms each.
    func end(tries: Int) {
        self.kill()
        for _ in 0..<tries where !reap() { HelperProgram.wait(for: pidfd) }
    }

    /// Reads the whole reply, until this time on the boot clock.
    ///
    /// - Returns: false if the process has not ended its reply by then.
    func readReply(into bytes: inout [UInt8], until deadline: Int64) -> Bool {
        while read(into: &bytes) {
            guard hl_boot_clock() < deadline else { return false }
            HelperProgram.wait(for: replyPipe)
        }
        return true
    }

    /// Reads the available part of the reply; returns false when no more can come.
    func read(into bytes: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(replyPipe.number, &chunk, chunk.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            guard count > 0 else { return false }
            bytes += chunk[..<count]
        }
        return false
    }
}

import CHeroLinux
import Glibc
import HeroModel

/// The program that looks accounts up beside the reconciler: it may hang, it may crash, and it can be killed.
struct AccountLookupProgram {
    /// A lookup that was started.
    struct RunningLookup {
        /// Its pid: nobody else's until it is reaped.
        var pid: Int32
        /// Becomes readable when it ends.
        var pidfd: Descriptor
        /// Where its answer can be read, without waiting.
        var replyPipe: Descriptor
    }

    /// Its path.
    let path: String
    /// What it begins with.
    var oomScore = OOMScore()

    /// Where it is: as told in `HEROPROC_LOOKUP`, else this very program, else the `heroproc` beside the shim.
    static func find(environment: [String: String], shim: String?) -> AccountLookupProgram {
        if let named = environment["HEROPROC_LOOKUP"], !named.isEmpty { return .init(path: absolutePath(named)) }
        // By this name it is executed also after another version has taken its place on disk (reliability.md UP-4).
        if isHeroproc(realPath("/proc/self/exe") ?? "") { return .init(path: "/proc/self/exe") }
        let folder = shim.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } } ?? "/usr/bin"
        return .init(path: "\(folder)/heroproc")
    }

    private static func isHeroproc(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return name == "heroproc" || name == "heroproc (deleted)"
    }

    /// Starts it; it ends with the thread that started it.
    func start(_ question: Account.Query) throws(StartError) -> RunningLookup {
        var error: Int32 = 0
        if let running = start(AccountLookupReply.arguments(question), &error) { return running }
        let words = "\(question.displayName): its lookup cannot be started: \(path): \(errorText(error))"
        throw StartError(.user, error, words)
    }

    /// The entry of a user wherever the machine keeps it, waited for, but not for ever; nil when none came.
    func entry(of uid: UInt32, within limit: Duration) -> Account.Entry? {
        var error: Int32 = 0
        guard let running = start(AccountLookupReply.arguments(ofUser: uid), &error) else { return nil }
        var bytes: [UInt8] = []
        let deadline = hl_boot_clock() &+ limit.wholeNanoseconds
        while running.read(into: &bytes), hl_boot_clock() < deadline { Self.wait(for: running.replyPipe) }
        running.kill()
        // One that does not go although it was killed is left to whoever takes in orphans.
        for _ in 0..<10 where !running.reap() { Self.wait(for: running.pidfd) }
        guard case .success(let account) = AccountLookupReply.decode(bytes) else { return nil }
        return account.entry
    }

    /// Waits until there is something to be read, 100 ms at most.
    private static func wait(for descriptor: Descriptor) {
        var one = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&one, 1, 100)
    }

    private func start(_ arguments: [String], _ error: inout Int32) -> RunningLookup? {
        var answer: Descriptor?
        let pid = spawn(arguments, &answer)
        // Nobody else reaps our children, so the pid is still this one; what was only for the spawn has made room.
        let pidfd = pid > 0 ? hl_pidfd_open(pid) : pid
        error = 0 &- pidfd
        guard pidfd >= 0, let answer else { return nil }
        return RunningLookup(pid: pid, pidfd: Descriptor(pidfd), replyPipe: answer)
    }

    private func spawn(_ arguments: [String], _ answer: inout Descriptor?) -> Int32 {
        var ends: (read: Int32, write: Int32) = (-1, -1)
        let made = hl_pipe(&ends.read, &ends.write, 65_536)
        guard made >= 0 else { return made }
        answer = Descriptor(ends.read)
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
        return command.spawn([path], ["heroproc"] + arguments, [], in: "/", &step)
    }
}

extension AccountLookupProgram.RunningLookup {
    /// Ends it.
    func kill() {
        _ = hl_pidfd_send_group_signal(pidfd.number, SIGKILL)
        _ = hl_pidfd_send_signal(pidfd.number, SIGKILL)
    }

    /// Takes in its end; false while it runs.
    func reap() -> Bool {
        var status: Int32 = 0
        return hl_pidfd_reap(pidfd.number, &status) != 0
    }

    /// Reads what there is of its answer; false when no more will come.
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

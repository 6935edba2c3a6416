import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The programs that store what is written to pipes whose shim was lost (reliability.md 2.5, SH-4).
///
/// A program of a shim has its pipes open for reading, too (decision 0012): so they outlive the shim, and whoever may look
/// into `/proc/PID/fd` can open them anew. They are read by `hpshim drain`, which knows how a log is written and may be
/// held up by a disk. Where the pipes belong to somebody we may not look into, they are left alone.
final class OutputDrainer {
    private struct Drain {
        var start: StartID
        var pid: Int32
        var pidfd: Descriptor
        /// Closed to let it leave.
        var stopPipe: Descriptor?
        /// When it is killed, once it has been asked to leave.
        var killAt: Moment?
    }

    private let reactor: Reactor
    private let launcher: ShimLauncher
    private var drains: [UInt64: Drain] = [:]
    private var idByStart: [StartID: UInt64] = [:]
    private var lastID: UInt64 = 0

    /// How long one may take to store what is in the pipes when nobody writes any more: its disk may be slow.
    private static let drainTimeout: Duration = .seconds(10)
    /// PIPEFS_MAGIC of statfs(2).
    private static let pipeFileSystem: UInt32 = 0x5049_5045

    init(_ reactor: Reactor, _ launcher: ShimLauncher) {
        self.reactor = reactor
        self.launcher = launcher
    }

    /// Begins to store what a process writes, if nobody does so yet and its pipes can be reached.
    func startDrain(_ order: OutputCaptureRequest, of main: ProcessIdentity) {
        guard idByStart[order.start] == nil else { return }
        let (output, errors) = Self.openOutput(main)
        // Without room, or without a log that can be trusted, the output is lost as it would have been before.
        guard output != nil || errors != nil, let drain = try? launcher.spawnDrain(order, output, errors) else {
            return
        }
        lastID += 1
        // One that cannot be watched leaves with its leash, which nobody holds then.
        guard reactor.watch(drain.pidfd.number, EventSource(.outputDrain, lastID)) else { return }
        drains[lastID] = Drain(start: order.start, pid: drain.pid, pidfd: drain.pidfd, stopPipe: drain.leash)
        idByStart[order.start] = lastID
    }

    /// Whether this process stores the output of another one.
    func isDrainProcess(_ pid: Int32) -> Bool { drains.values.contains { $0.pid == pid } }

    /// Lets one store what is left, and leave.
    ///
    /// - Returns: whether nobody stores any output of this start any more.
    func finishDrain(_ start: StartID) -> Bool {
        guard let number = idByStart[start], let drain = drains[number] else { return true }
        drains[number]?.stopPipe = nil
        guard let killAt = drain.killAt else {
            drains[number]?.killAt = reactor.now + Self.drainTimeout
            return false
        }
        guard reactor.now >= killAt else { return false }
        _ = hl_pidfd_send_signal(drain.pidfd.number, SIGKILL)
        // What its disk does not let go even then will not write another line.
        return reactor.now >= killAt + .seconds(1)
    }

    /// One has left.
    ///
    /// - Returns: whose output it has stored.
    func handleExit(_ number: UInt64) -> StartID? {
        guard let drain = drains[number] else { return nil }
        var status: Int32 = 0
        guard hl_pidfd_reap(drain.pidfd.number, &status) != 0 else { return nil }
        reactor.unwatch(drain.pidfd.number)
        drains[number] = nil
        idByStart[drain.start] = nil
        return drain.start
    }

    // MARK: - The pipes

    /// Opens what a process has as standard output and standard error, to read from it; nil where that is no pipe of a shim.
    static func openOutput(_ main: ProcessIdentity) -> (output: Descriptor?, errors: Descriptor?) {
        let output = openPipe(main.pid, 1)
        var errors = openPipe(main.pid, 2)
        // Both may be one by now, and its bytes are read once.
        if let first = output, let second = errors, inode(first) == inode(second) { errors = nil }
        // The pid was this process's before we looked, and only if it still is was it all the time.
        return ProcessTable.isAlive(main) ? (output, errors) : (nil, nil)
    }

    private static func openPipe(_ pid: Int32, _ number: Int32) -> Descriptor? {
        // Nobody but a shim gives a program a pipe that it can read from as well: any other one has a reader, who would miss it.
        guard let info = readText("/proc/\(pid)/fdinfo/\(number)"),
            let flags = info.split(separator: "\n").first(where: { $0.hasPrefix("flags:") })
                .flatMap({ Int32($0.dropFirst(6).trimmed, radix: 8) }),
            flags & O_ACCMODE == O_RDWR
        else { return nil }
        let path = "/proc/\(pid)/fd/\(number)"
        var magic: UInt32 = 0
        guard hl_file_system(path, &magic) == 0, magic == pipeFileSystem else { return nil }
        let opened = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0, let pipe = try? raiseDescriptor(opened, "duplicate a descriptor") else { return nil }
        // The process may have put something else there in between.
        guard hl_file_system("/proc/self/fd/\(pipe.number)", &magic) == 0, magic == pipeFileSystem else { return nil }
        return pipe
    }

    private static func inode(_ file: Descriptor) -> UInt64 {
        var status = stat()
        return fstat(file.number, &status) == 0 ? UInt64(status.st_ino) : 0
    }
}

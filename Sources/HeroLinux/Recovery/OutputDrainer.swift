import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Stores what programs write to pipes after their shim was lost (SH-4).
///
/// A program of a shim also has its pipes open for reading (decision 0012). The pipes therefore outlive the shim, and a
/// process that may read `/proc/PID/fd` can open them again. `hpshim drain` reads them, because it has the code for
/// writing logs and may be blocked by a slow disk. Pipes of programs that this process may not inspect are left alone.
final class OutputDrainer {
    private struct Drain {
        var start: StartID
        var pid: Int32
        var pidfd: Descriptor
        /// Closed to make the process store the rest and exit.
        var stopPipe: Descriptor?
        /// When the process is killed, after it was asked to finish.
        var killAt: Moment?
    }

    private let reactor: Reactor
    private let launcher: ShimLauncher
    private var drains: [UInt64: Drain] = [:]
    private var idByStart: [StartID: UInt64] = [:]
    private var lastID: UInt64 = 0

    /// How long a process may take to store the rest of the output; its disk may be slow.
    private static let drainTimeout: Duration = .seconds(10)
    /// PIPEFS_MAGIC of statfs(2).
    private static let pipeFileSystem: UInt32 = 0x5049_5045

    init(_ reactor: Reactor, _ launcher: ShimLauncher) {
        self.reactor = reactor
        self.launcher = launcher
    }

    /// Starts storing the output of a process, unless that is done already or its pipes cannot be opened.
    func startDrain(_ request: OutputCaptureRequest, of main: ProcessIdentity) {
        guard idByStart[request.start] == nil else { return }
        let (output, errors) = Self.openOutput(main)
        // If file descriptors are short or the log directory is not trusted, the output is lost.
        guard output != nil || errors != nil, let drain = try? launcher.spawnDrain(request, output, errors) else {
            return
        }
        lastID += 1
        // A process that cannot be watched exits, because its stop pipe is closed here.
        guard reactor.watch(drain.pidfd.number, EventSource(.outputDrain, lastID)) else { return }
        drains[lastID] = Drain(start: request.start, pid: drain.pid, pidfd: drain.pidfd, stopPipe: drain.stopPipe)
        idByStart[request.start] = lastID
    }

    /// Whether a PID belongs to a drain process.
    func isDrainProcess(_ pid: Int32) -> Bool { drains.values.contains { $0.pid == pid } }

    /// Makes the drain process of a start store the rest and exit; kills it after a time limit.
    ///
    /// - Returns: Whether no drain process of this start is running any more.
    func finishDrain(_ start: StartID) -> Bool {
        guard let id = idByStart[start], let drain = drains[id] else { return true }
        drains[id]?.stopPipe = nil
        guard let killAt = drain.killAt else {
            drains[id]?.killAt = reactor.now + Self.drainTimeout
            return false
        }
        guard reactor.now >= killAt else { return false }
        _ = hl_pidfd_send_signal(drain.pidfd.number, SIGKILL)
        // A process that its disk blocks even now will not write another line.
        return reactor.now >= killAt + .seconds(1)
    }

    /// A drain process has ended.
    ///
    /// - Returns: The start whose output it has stored.
    func handleExit(_ id: UInt64) -> StartID? {
        guard let drain = drains[id] else { return nil }
        var status: Int32 = 0
        guard hl_pidfd_reap(drain.pidfd.number, &status) != 0 else { return nil }
        reactor.unwatch(drain.pidfd.number)
        drains[id] = nil
        idByStart[drain.start] = nil
        return drain.start
    }

    // MARK: - Pipes

    /// Opens the standard output and standard error of a process for reading; a result is nil if it is no pipe of a
    /// shim.
    static func openOutput(_ main: ProcessIdentity) -> (output: Descriptor?, errors: Descriptor?) {
        let output = openPipe(main.pid, 1)
        var errors = openPipe(main.pid, 2)
        // Both may be the same pipe, which must be read once.
        if let first = output, let second = errors, inode(first) == inode(second) { errors = nil }
        // If the PID belongs to the process now, it did so during the whole function.
        return ProcessTable.isAlive(main) ? (output, errors) : (nil, nil)
    }

    private static func openPipe(_ pid: Int32, _ id: Int32) -> Descriptor? {
        // Only a shim gives a program a pipe that the program can also read. Any other pipe has a reader that would
        // miss the data.
        guard let info = readText("/proc/\(pid)/fdinfo/\(id)"),
            let flags = info.split(separator: "\n").first(where: { $0.hasPrefix("flags:") })
                .flatMap({ Int32($0.dropFirst(6).trimmed, radix: 8) }),
            flags & O_ACCMODE == O_RDWR
        else { return nil }
        let path = "/proc/\(pid)/fd/\(id)"
        // A file on a mount that does not respond would block; the name of a pipe is not a path.
        guard linkTarget(path)?.hasPrefix("pipe:[") == true else { return nil }
        var magic: UInt32 = 0
        guard hl_file_system(path, &magic) == 0, magic == pipeFileSystem else { return nil }
        let opened = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0, let pipe = try? raiseDescriptor(opened, "duplicate a descriptor") else { return nil }
        // The process may have replaced the descriptor in between.
        guard hl_file_system("/proc/self/fd/\(pipe.number)", &magic) == 0, magic == pipeFileSystem else { return nil }
        return pipe
    }

    private static func inode(_ file: Descriptor) -> UInt64 {
        var status = stat()
        return fstat(file.number, &status) == 0 ? UInt64(status.st_ino) : 0
    }
}

import CHeroRecord
import CHeroShim

/// Drain mode (`hpshim drain KEEP SIZE LOG`): stores the output of a program whose shim was lost, until the reconciler
/// has stopped that program (guarantee SH-4).
///
/// The reconciler reopens the pipes of the program and passes them to this process. Log files are therefore written by
/// one program only, and a slow disk never delays the reconciler. Drain mode makes no decisions. It ends at the end of
/// the pipes, or soon after the reconciler has closed the stop pipe, also by its own exit.
struct DrainMode {
    private static let markerText: StaticString = "[heroproc: the shim was lost; the reconciler saved what follows]"
    /// How often the locks on the pipes are tried, and the interval in ms: the drain process of a reconciler that died
    /// needs time to exit.
    private static let maxLockAttempts = 500
    private static let lockRetryInterval: Int64 = 10

    private var log: LogSink
    private var lineAssembler = LineAssembler()
    private var output = OutputPipe(HERO_FD_OUTPUT, streamName: "stdout", partialLine: shim_partial_line(0))
    private var error = OutputPipe(HERO_FD_ERROR, streamName: "stderr", partialLine: shim_partial_line(1))

    /// Whether the command line requests drain mode.
    static var isRequested: Bool { shim_drain_is_requested() != 0 }

    /// Runs drain mode; returns the exit code.
    static func run() -> Int32 {
        let keep = shim_drain_number(0)
        let limit = shim_drain_number(1)
        guard keep >= 0, keep <= 99, limit >= 0, let path = shim_drain_path(), shim_drain_set_up() == 0 else {
            return HERO_SHIM_BAD_SPEC
        }
        guard lockPipes() else { return HERO_SHIM_LOCKED }
        shim_harden()
        let settings = Log.Settings(path: path, keptFiles: Int(keep), maxFileSize: UInt64(limit))
        var drain = DrainMode(.blocking(Log(settings, resuming: true)))
        drain.copyOutput()
        return HERO_SHIM_DONE
    }

    private init(_ log: LogSink) { self.log = log }

    /// Locks the pipes, so that no other process reads them or writes this log; false when that takes too long.
    private static func lockPipes() -> Bool {
        var stopPipe = HERO_FD_STOP
        for _ in 0..<maxLockAttempts {
            let isStopped = shim_poll(&stopPipe, 1, 0) > 0
            if shim_lock_pipe(HERO_FD_OUTPUT) == 0, shim_lock_pipe(HERO_FD_ERROR) == 0 { return true }
            if isStopped { return false }
            _ = shim_poll(&stopPipe, 1, lockRetryInterval)
        }
        return false
    }

    private mutating func copyOutput() {
        lineAssembler.appendMessage(DrainMode.markerText, to: &log)
        while output.descriptor >= 0 || error.descriptor >= 0 {
            let ready = waitForInput()
            if ready & 1 != 0 { break }
            if ready & 2 != 0 { _ = lineAssembler.move(&output, to: &log) }
            if ready & 4 != 0 { _ = lineAssembler.move(&error, to: &log) }
            if let time = log.retryTime, shim_boottime() >= time { log.retryWriting() }
        }
        lineAssembler.finish(&output, &error, to: &log)
    }

    /// Waits for the stop pipe, the output or the errors; returns a bit for each one that is readable or has ended.
    private func waitForInput() -> Int32 {
        var descriptors = (HERO_FD_STOP, output.descriptor, error.descriptor)
        let timeout = log.retryTime.map { min(1000, max(0, $0 &- shim_boottime()) / 1_000_000 &+ 1) } ?? -1
        return withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 3) { max(0, shim_poll($0, 3, timeout)) }
        }
    }
}

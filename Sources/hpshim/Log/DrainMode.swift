import CHeroRecord
import CHeroShim

/// Drain mode: stores what a program writes whose shim was lost, while the reconciler ends it (reliability.md 2.5, SH-4).
///
/// `hpshim drain KEEP SIZE LOG`: the reconciler has opened the program's pipes anew and hands them over, so that only one
/// program knows how a log is written, and no disk ever holds up the reconciler. It decides nothing: it ends with the
/// pipes, or soon after the reconciler has let go of its leash, by intent or by its own death.
struct DrainMode {
    private static let markerText: StaticString = "[heroproc: the shim was lost; the reconciler saved what follows]"
    /// How long to wait for one that leaves because its reconciler has died, in pauses of so many ms.
    private static let maxLockAttempts = 500
    private static let lockRetryInterval: Int64 = 10

    private var log: LogSink
    private var lineAssembler = LineAssembler()
    private var output = OutputPipe(HERO_FD_OUTPUT, streamName: "stdout", partialLine: shim_partial_line(0))
    private var error = OutputPipe(HERO_FD_ERROR, streamName: "stderr", partialLine: shim_partial_line(1))

    /// Whether this program is to empty pipes and to hold nobody.
    static var isRequested: Bool { shim_drain_is_requested() != 0 }

    /// Empties them; the code to leave with.
    static func run() -> Int32 {
        let keep = shim_drain_number(0)
        let limit = shim_drain_number(1)
        guard keep >= 0, keep <= 99, limit >= 0, let path = shim_drain_path(), shim_drain_set_up() == 0 else {
            return HERO_SHIM_BAD_SPEC
        }
        guard lockPipes() else { return HERO_SHIM_LOCKED }
        shim_harden()
        let place = Log.Settings(path: path, keptFiles: Int(keep), maxFileSize: UInt64(limit))
        var drain = DrainMode(.blocking(Log(place, goesOn: true)))
        drain.copyOutput()
        return HERO_SHIM_DONE
    }

    private init(_ log: LogSink) { self.log = log }

    /// Waits until nobody else reads these pipes or writes this log; false when that takes too long.
    private static func lockPipes() -> Bool {
        var leash = HERO_FD_STOP
        for _ in 0..<maxLockAttempts {
            let isAsked = shim_poll(&leash, 1, 0) > 0
            if shim_lock_pipe(HERO_FD_OUTPUT) == 0, shim_lock_pipe(HERO_FD_ERROR) == 0 { return true }
            if isAsked { return false }
            _ = shim_poll(&leash, 1, lockRetryInterval)
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

    /// A bit for the leash, for the output and for the errors, once one of them can be read or has ended.
    private func waitForInput() -> Int32 {
        var descriptors = (HERO_FD_STOP, output.descriptor, error.descriptor)
        let left = log.retryTime.map { min(1000, max(0, $0 &- shim_boottime()) / 1_000_000 &+ 1) } ?? -1
        return withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 3) { max(0, shim_poll($0, 3, left)) }
        }
    }
}

import CHeroRecord
import CHeroShim

/// Drain mode: stores what a program writes whose shim was lost, while the reconciler ends it (reliability.md 2.5, SH-4).
///
/// `hpshim drain KEEP SIZE LOG`: the reconciler has opened the program's pipes anew and hands them over, so that only one
/// program knows how a log is written, and no disk ever holds up the reconciler. It decides nothing: it ends with the
/// pipes, or soon after the reconciler has let go of its leash, by intent or by its own death.
struct Drain {
    private static let words: StaticString = "[heroproc: the shim was lost; the reconciler saved what follows]"
    /// How long to wait for one that leaves because its reconciler has died, in pauses of so many ms.
    private static let patience = 500
    private static let pause: Int64 = 10

    private var log: Sink
    private var lines = Lines()
    private var output = Stream(HERO_FD_OUTPUT, name: "stdout", held: shim_held(0))
    private var error = Stream(HERO_FD_ERROR, name: "stderr", held: shim_held(1))

    /// Whether this program is to empty pipes and to hold nobody.
    static var isAsked: Bool { shim_drain_is_asked() != 0 }

    /// Empties them; the code to leave with.
    static func run() -> Int32 {
        let keep = shim_drain_number(0)
        let limit = shim_drain_number(1)
        guard keep >= 0, keep <= 99, limit >= 0, let path = shim_drain_path(), shim_drain_settle() == 0 else {
            return HERO_SHIM_BAD_SPEC
        }
        guard isAlone() else { return HERO_SHIM_LOCKED }
        shim_harden()
        let place = Log.Place(path: path, keep: Int(keep), limit: UInt64(limit))
        var drain = Drain(.log(Log(place, goesOn: true)))
        drain.drain()
        return HERO_SHIM_DONE
    }

    private init(_ log: Sink) { self.log = log }

    /// Waits until nobody else reads these pipes or writes this log; false when that takes too long.
    private static func isAlone() -> Bool {
        var leash = HERO_FD_STOP
        for _ in 0..<patience {
            let isAsked = shim_wait(&leash, 1, 0) > 0
            if shim_lock_pipe(HERO_FD_OUTPUT) == 0, shim_lock_pipe(HERO_FD_ERROR) == 0 { return true }
            if isAsked { return false }
            _ = shim_wait(&leash, 1, pause)
        }
        return false
    }

    private mutating func drain() {
        lines.note(Drain.words, to: &log)
        while output.descriptor >= 0 || error.descriptor >= 0 {
            let ready = wait()
            if ready & 1 != 0 { break }
            if ready & 2 != 0 { _ = lines.move(&output, to: &log) }
            if ready & 4 != 0 { _ = lines.move(&error, to: &log) }
            if let time = log.retryTime, shim_boottime() >= time { log.retry() }
        }
        lines.finish(&output, &error, to: &log)
    }

    /// A bit for the leash, for the output and for the errors, once one of them can be read or has ended.
    private func wait() -> Int32 {
        var descriptors = (HERO_FD_STOP, output.descriptor, error.descriptor)
        let left = log.retryTime.map { min(1000, max(0, $0 &- shim_boottime()) / 1_000_000 &+ 1) } ?? -1
        return withUnsafePointer(to: &descriptors) {
            $0.withMemoryRebound(to: Int32.self, capacity: 3) { max(0, shim_wait($0, 3, left)) }
        }
    }
}

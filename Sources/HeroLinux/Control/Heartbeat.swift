import CHeroRecord
import Glibc
import HeroModel

/// Tells the keeper of this reconciler that its loop still turns (reliability.md SH-16).
///
/// A byte through the pipe that the keeper has left open for it, again and again. Who says nothing for too long is killed and
/// started again; who has never said anything is left in peace.
public struct Heartbeat {
    private let pipe: Descriptor
    private let interval: Duration
    /// When the next byte is due.
    private(set) var due: Moment?

    /// Takes the pipe; to be called first of all, by a reconciler that is kept.
    ///
    /// - Parameter environment: `HEROPROC_WATCHDOG` says for how many seconds the keeper waits, 0: for ever.
    /// - Returns: nil when nobody listens.
    public static func fromMonitor(environment: [String: String]) -> Heartbeat? {
        let number = HERO_FD_HEARTBEAT
        var file = stat()
        // An older keeper leaves nothing there, or whatever its starter had.
        guard fstat(number, &file) == 0, file.st_mode & S_IFMT == S_IFIFO else { return nil }
        guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0, fcntl(number, F_SETFL, O_NONBLOCK) == 0 else { return nil }
        let patience = environment["HEROPROC_WATCHDOG"].flatMap { Int32($0) } ?? HERO_WATCHDOG_SECONDS
        guard patience > 0 else { return nil }
        let beats = Int64(HERO_WATCHDOG_HEARTBEATS)
        return Heartbeat(pipe: Descriptor(number), interval: .milliseconds(Int64(patience) * 1000 / beats))
    }

    private init(pipe: Descriptor, interval: Duration) {
        self.pipe = pipe
        self.interval = interval
        due = Moment(nanoseconds: 0)
    }

    /// Speaks if it is time.
    mutating func sendIfDue(_ now: Moment) {
        guard let due, due <= now else { return }
        let written = write(pipe.number, ".", 1)
        // Without a keeper nobody listens any more; a full pipe says all there is to say.
        self.due = written < 0 && errno == EPIPE ? nil : now + interval
    }
}

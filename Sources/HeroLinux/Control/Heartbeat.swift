import CHeroRecord
import Glibc
import HeroModel

/// Reports to the monitor of this reconciler that its event loop still turns (SH-16).
///
/// Each heartbeat is one byte through a pipe that the monitor has left open. The monitor kills and restarts a
/// reconciler whose heartbeats stop. It never kills one that has sent no heartbeat.
public struct Heartbeat {
    private let pipe: Descriptor
    private let interval: Duration
    /// When the next heartbeat is due; nil if there is no monitor any more.
    private(set) var due: Moment?

    /// Takes over the heartbeat pipe.
    ///
    /// A monitored reconciler calls this before it opens any file.
    ///
    /// - Parameter environment: `HEROPROC_WATCHDOG` is the time limit of the monitor in seconds; 0 means no limit.
    /// - Returns: nil if there is no monitor that checks heartbeats.
    public static func fromMonitor(environment: [String: String]) -> Heartbeat? {
        let number = HERO_FD_HEARTBEAT
        var file = stat()
        // A monitor of an older version leaves this descriptor closed or as it inherited it.
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

    /// Sends a heartbeat if one is due.
    mutating func sendIfDue(_ now: Moment) {
        guard let due, due <= now else { return }
        let written = write(pipe.number, ".", 1)
        // EPIPE means that the monitor is gone; a full pipe means that it has enough heartbeats to read.
        self.due = written < 0 && errno == EPIPE ? nil : now + interval
    }
}

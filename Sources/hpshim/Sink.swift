import CHeroRecord
import CHeroShim

/// Where the lines of the service go: into its log at once, or to the thread that writes it (LG-3).
enum Sink {
    /// A slow disk holds the service up, and nothing is lost.
    case log(Log)
    /// A slow disk is this thread's affair, and what does not fit is dropped.
    case thread(LogThread)
    /// There is no such thread to be had: the start fails with this errno.
    case refused(Int32)

    /// Begins the log, or has the thread begin it.
    init(_ place: Log.Place, drops: Bool) {
        guard drops else {
            self = .log(Log(place))
            return
        }
        var error: Int32 = 0
        self = LogThread(place, &error).map { .thread($0) } ?? .refused(error)
    }

    /// Why the service cannot be started, if it cannot.
    var failure: Start.Failure? {
        switch self {
        case .log, .thread: nil
        // What is short is what a program takes as well.
        case .refused(let error): Start.Failure(HERO_STAGE_FORK, error)
        }
    }

    /// Whether a second thread lives.
    var isThread: Bool {
        switch self {
        case .log, .refused: false
        case .thread: true
        }
    }

    /// Takes lines, each with its stamp and newline; `now` is CLOCK_REALTIME in ns.
    mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        switch self {
        case .log(var log):
            log.append(bytes, count, at: now)
            self = .log(log)
        case .thread(let thread): thread.append(bytes, count, at: now)
        case .refused: break
        }
    }

    /// When to call `retry`, as CLOCK_BOOTTIME in ns; nil while nothing waits to be said.
    var retryTime: Int64? {
        switch self {
        case .log(let log): log.retryTime
        case .thread, .refused: nil
        }
    }

    /// Tries to write again.
    mutating func retry() { retry(evenEarly: false) }

    private mutating func retry(evenEarly: Bool) {
        guard case .log(var log) = self else { return }
        log.retry(evenEarly: evenEarly)
        self = .log(log)
    }

    /// Bytes of the service that are not in the log.
    var dropped: Int64 {
        switch self {
        case .log(let log): log.dropped
        case .thread(let thread): thread.dropped
        case .refused: 0
        }
    }

    /// All that was taken is stored, and what is missing is said, as far as the disk lets us.
    mutating func end() {
        switch self {
        case .log: retry(evenEarly: true)
        case .thread(let thread): thread.end()
        case .refused: break
        }
    }
}

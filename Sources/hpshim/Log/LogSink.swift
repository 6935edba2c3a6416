import CHeroRecord
import CHeroShim

/// Where the lines of the service go: into its log at once, or to the thread that writes it (LG-3).
enum LogSink {
    /// A slow disk holds the service up, and nothing is lost.
    case blocking(Log)
    /// A slow disk is this thread's affair, and what does not fit is dropped.
    case dropping(LogThread)
    /// There is no such thread to be had: the start fails with this errno.
    case failed(Int32)

    /// Begins the log, or has the thread begin it.
    init(_ place: Log.Settings, drops: Bool) {
        guard drops else {
            self = .blocking(Log(place))
            return
        }
        var error: Int32 = 0
        self = LogThread(place, &error).map { .dropping($0) } ?? .failed(error)
    }

    /// Why the service cannot be started, if it cannot.
    var failure: ProgramLauncher.Failure? {
        switch self {
        case .blocking, .dropping: nil
        // What is short is what a program takes as well.
        case .failed(let error): ProgramLauncher.Failure(HERO_STAGE_FORK, error)
        }
    }

    /// Whether a second thread lives.
    var hasThread: Bool {
        switch self {
        case .blocking, .failed: false
        case .dropping: true
        }
    }

    /// Takes lines, each with its stamp and newline; `now` is CLOCK_REALTIME in ns.
    mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        switch self {
        case .blocking(var log):
            log.append(bytes, count, at: now)
            self = .blocking(log)
        case .dropping(let thread): thread.append(bytes, count, at: now)
        case .failed: break
        }
    }

    /// When to call `retry`, as CLOCK_BOOTTIME in ns; nil while nothing waits to be said.
    var retryTime: Int64? {
        switch self {
        case .blocking(let log): log.retryTime
        case .dropping, .failed: nil
        }
    }

    /// Tries to write again.
    mutating func retryWriting() { retryWriting(evenEarly: false) }

    private mutating func retryWriting(evenEarly: Bool) {
        guard case .blocking(var log) = self else { return }
        log.retryWriting(evenEarly: evenEarly)
        self = .blocking(log)
    }

    /// Bytes of the service that are not in the log.
    var droppedBytes: Int64 {
        switch self {
        case .blocking(let log): log.droppedBytes
        case .dropping(let thread): thread.droppedBytes
        case .failed: 0
        }
    }

    /// All that was taken is stored, and what is missing is said, as far as the disk lets us.
    mutating func finish() {
        switch self {
        case .blocking: retryWriting(evenEarly: true)
        case .dropping(let thread): thread.finish()
        case .failed: break
        }
    }
}

import CHeroRecord
import CHeroShim

/// Where the lines of the service are written: directly into its log, or to the thread that writes the log (LG-3).
enum LogSink {
    /// Lines are written directly. A slow disk delays the service, and no line is lost.
    case blocking(Log)
    /// A thread writes the lines. A slow disk never delays the service, and lines that do not fit are dropped.
    case dropping(LogThread)
    /// The thread cannot be started: the start fails with this errno.
    case failed(Int32)

    /// Opens the log, or starts the thread that opens it.
    init(_ settings: Log.Settings, dropsWhenSlow: Bool) {
        guard dropsWhenSlow else {
            self = .blocking(Log(settings))
            return
        }
        var error: Int32 = 0
        self = LogThread(settings, &error).map { .dropping($0) } ?? .failed(error)
    }

    /// Why the service cannot be started; nil if it can.
    var failure: ProgramLauncher.Failure? {
        switch self {
        case .blocking, .dropping: nil
        // The stage is `fork`, because the missing resource is one that every new process needs.
        case .failed(let error): ProgramLauncher.Failure(HERO_STAGE_FORK, error)
        }
    }

    /// Whether a second thread is running.
    var hasThread: Bool {
        switch self {
        case .blocking, .failed: false
        case .dropping: true
        }
    }

    /// Appends whole lines, each with its prefix and newline; `now` is CLOCK_REALTIME in ns.
    mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int, at now: Int64) {
        switch self {
        case .blocking(var log):
            log.append(bytes, count, at: now)
            self = .blocking(log)
        case .dropping(let thread): thread.append(bytes, count, at: now)
        case .failed: break
        }
    }

    /// When to call `retryWriting`, as CLOCK_BOOTTIME in ns; nil while no drop marker waits to be written.
    var retryTime: Int64? {
        switch self {
        case .blocking(let log): log.retryTime
        case .dropping, .failed: nil
        }
    }

    /// Tries to write again after an outage.
    mutating func retryWriting() { retryWriting(force: false) }

    private mutating func retryWriting(force: Bool) {
        guard case .blocking(var log) = self else { return }
        log.retryWriting(force: force)
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

    /// Stores all lines that were appended, and a drop marker for missing lines, as far as the disk allows.
    mutating func finish() {
        switch self {
        case .blocking: retryWriting(force: true)
        case .dropping(let thread): thread.finish()
        case .failed: break
        }
    }
}

import Dispatch
import HeroLinux
import Synchronization

/// Writes log lines to standard output in a thread of its own.
///
/// `append` never waits: lines beyond the capacity are dropped and counted, and one line reports their number.
final class LogSink: Sendable {
    private struct State {
        var pending: [UInt8] = []
        /// The bytes that the thread is writing.
        var writing = 0
        var droppedLines = 0
        var isClosed = false
        /// Whether standard output takes no more bytes.
        var hasFailed = false
    }

    /// The most bytes that wait for standard output.
    static let capacity = 1 << 20

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let end = DispatchSemaphore(value: 0)
    /// The line that reports a number of dropped lines.
    private let report: @Sendable (Int) -> [UInt8]
    private let write: @Sendable ([UInt8]) -> Bool

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - report: returns the line that reports a number of dropped lines.
    ///   - write: writes bytes, and returns whether standard output takes more.
    init(report: @escaping @Sendable (Int) -> [UInt8], write: @escaping @Sendable ([UInt8]) -> Bool) {
        self.report = report
        self.write = write
        guard startThread({ [self] in run() }) != 0 else { return }
        state.withLock { $0.hasFailed = true }
        end.signal()
    }

    /// Adds complete lines, or drops them when too many bytes wait.
    func append(_ bytes: [UInt8], lines: Int) {
        let isAccepted = state.withLock { state in
            guard !state.hasFailed, !state.isClosed else { return false }
            let note = state.droppedLines > 0 ? report(state.droppedLines) : []
            let waiting = state.pending.count + state.writing
            // A single chunk may be larger than the capacity.
            guard waiting == 0 || waiting + note.count + bytes.count <= Self.capacity else {
                state.droppedLines += lines
                return false
            }
            state.droppedLines = 0
            state.pending += note
            state.pending += bytes
            return true
        }
        if isAccepted { work.signal() }
    }

    /// Waits until everything is written, but not longer than the given time.
    func close(within limit: DispatchTimeInterval) {
        state.withLock { $0.isClosed = true }
        work.signal()
        _ = end.wait(timeout: .now() + limit)
    }

    private func run() {
        while true {
            let (bytes, isLast) = state.withLock { state -> ([UInt8], Bool) in
                var bytes = state.pending
                state.pending = []
                if bytes.isEmpty, state.droppedLines > 0 {
                    bytes = report(state.droppedLines)
                    state.droppedLines = 0
                }
                state.writing = bytes.count
                return (bytes, state.isClosed)
            }
            if !bytes.isEmpty {
                let isOpen = write(bytes)
                state.withLock { state in
                    state.writing = 0
                    if !isOpen {
                        state.hasFailed = true
                        state.pending = []
                    }
                }
            } else if isLast {
                end.signal()
                return
            } else {
                work.wait()
            }
        }
    }
}

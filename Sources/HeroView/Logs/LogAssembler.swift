/// Assembles the lines that a program wrote from the bytes of its log, chunk by chunk.
///
/// A chunk may end anywhere. Memory is bounded by the limit: a longer line is delivered in pieces. A line that is not
/// in the CRI format is delivered unchanged, never dropped. Parts of lines of stdout and stderr may alternate in the
/// log; each stream is assembled separately.
public struct LogAssembler: Sendable {
    /// The parts of a line that has not ended.
    private struct PartialLine {
        var timestamp: ArraySlice<UInt8> = []
        var bytes: [UInt8] = []
        /// Whether a piece of the line was already delivered.
        var isContinuation = false
        var isOpen = false
    }

    /// What to deliver.
    public enum Format: Hashable, Sendable {
        /// The lines of the program.
        case assembled
        /// The lines of the log, unchanged.
        case raw
    }

    private let format: Format
    private let limit: Int
    /// The beginning of a log line whose end is in the next chunk.
    private var incompleteLine: [UInt8] = []
    private var isIncompleteLineContinuation = false
    private var stdout = PartialLine()
    private var stderr = PartialLine()

    /// Creates an assembler.
    ///
    /// - Parameters:
    ///   - format: what to deliver.
    ///   - limit: the bytes of one line that are buffered before a piece of it is delivered.
    public init(_ format: Format = .assembled, limit: Int = 1 << 20) {
        self.format = format
        self.limit = max(1, limit)
    }

    /// Adds the next bytes of the log and delivers the complete lines.
    public mutating func feed(_ chunk: [UInt8], _ receive: (LogEntry) -> Void) {
        var rest = chunk[...]
        while let lineFeed = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[rest.startIndex..<lineFeed]
            rest = rest[(lineFeed + 1)...]
            if incompleteLine.isEmpty, !isIncompleteLineContinuation {
                process(line, receive)
            } else {
                incompleteLine += line
                let whole = incompleteLine[...]
                incompleteLine = []
                if isIncompleteLineContinuation {
                    isIncompleteLineContinuation = false
                    receive(unparsedEntry(whole, continuesLine: true, .lineFeed))
                } else {
                    process(whole, receive)
                }
            }
        }
        incompleteLine += rest
        // No shim writes such a line, but another file must not exhaust the memory.
        if incompleteLine.count > limit {
            receive(unparsedEntry(incompleteLine[...], continuesLine: isIncompleteLineContinuation, .moreFollows))
            incompleteLine = []
            isIncompleteLineContinuation = true
        }
    }

    /// Delivers an unfinished line at the end of the log and resets the assembler.
    public mutating func finish(_ receive: (LogEntry) -> Void) {
        if !incompleteLine.isEmpty {
            // The line is still being written or was torn by a crash; its readable part is delivered.
            let whole = incompleteLine[...]
            incompleteLine = []
            if format == .assembled, !isIncompleteLineContinuation, let line = LogLine(whole) {
                append(line, asPartial: true, receive)
            } else {
                receive(unparsedEntry(whole, continuesLine: isIncompleteLineContinuation, .endOfLog))
            }
        }
        isIncompleteLineContinuation = false
        for stream in [LogLine.Stream.stdout, .stderr] {
            let unfinished = self[stream]
            self[stream] = PartialLine()
            guard unfinished.isOpen else { continue }
            receive(entry(unfinished, stream, .endOfLog))
        }
    }

    private mutating func process(_ line: ArraySlice<UInt8>, _ receive: (LogEntry) -> Void) {
        guard format == .assembled, let parsed = LogLine(line) else {
            receive(unparsedEntry(line, continuesLine: false, .lineFeed))
            return
        }
        append(parsed, asPartial: parsed.isPartial, receive)
    }

    private mutating func append(_ line: LogLine, asPartial isPartial: Bool, _ receive: (LogEntry) -> Void) {
        let isOpen = line.stream == .stdout ? stdout.isOpen : stderr.isOpen
        if !isPartial, !isOpen {
            // The usual case, without a copy.
            receive(
                LogEntry(
                    timestamp: line.timestamp,
                    stream: line.stream,
                    continuesLine: false,
                    text: line.content,
                    end: .lineFeed
                )
            )
            return
        }
        var unfinished = self[line.stream]
        self[line.stream] = PartialLine()
        if !unfinished.isOpen {
            // A copy, because a slice would keep the whole chunk alive for a few bytes.
            unfinished.timestamp = Array(line.timestamp)[...]
            unfinished.isOpen = true
        }
        unfinished.bytes += line.content
        if !isPartial {
            receive(entry(unfinished, line.stream, .lineFeed))
            return
        }
        if unfinished.bytes.count > limit {
            receive(entry(unfinished, line.stream, .moreFollows))
            unfinished.bytes = []
            unfinished.isContinuation = true
        }
        self[line.stream] = unfinished
    }

    private func entry(_ unfinished: PartialLine, _ stream: LogLine.Stream, _ end: LogEntry.End) -> LogEntry {
        LogEntry(
            timestamp: unfinished.timestamp,
            stream: stream,
            continuesLine: unfinished.isContinuation,
            text: unfinished.bytes[...],
            end: end
        )
    }

    private func unparsedEntry(_ text: ArraySlice<UInt8>, continuesLine: Bool, _ end: LogEntry.End) -> LogEntry {
        LogEntry(timestamp: [], stream: nil, continuesLine: continuesLine, text: text, end: end)
    }

    private subscript(stream: LogLine.Stream) -> PartialLine {
        get {
            switch stream {
            case .stdout: stdout
            case .stderr: stderr
            }
        }
        set {
            switch stream {
            case .stdout: stdout = newValue
            case .stderr: stderr = newValue
            }
        }
    }
}

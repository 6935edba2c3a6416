/// Puts the lines that a program wrote together from the bytes of its log, chunk by chunk.
///
/// A chunk may end anywhere. Memory is bounded by the limit, whatever the log holds: a longer line is handed out in
/// pieces. A line that is not in the CRI format is handed out as it is, never dropped. The parts of a line of stdout
/// and of stderr may be mixed in the log; each stream is put together by itself.
public struct LogAssembler: Sendable {
    /// The parts of a line that has not ended.
    private struct PartialLine {
        var timestamp: ArraySlice<UInt8> = []
        var bytes: [UInt8] = []
        /// Whether a piece of the line was handed out already.
        var isContinuation = false
        var isOpen = false
    }

    /// What to make of the lines of the log.
    public enum Format: Hashable, Sendable {
        /// The lines of the program.
        case assembled
        /// The lines of the log as they are.
        case raw
    }

    private let format: Format
    private let limit: Int
    /// The beginning of a log line whose end is in the next chunk.
    private var incompleteLine: [UInt8] = []
    private var isIncompleteLineContinuation = false
    private var stdout = PartialLine()
    private var stderr = PartialLine()

    /// Makes an assembler.
    ///
    /// - Parameters:
    ///   - form: what to make of the lines.
    ///   - limit: bytes of one line that are held before a piece of it is handed out.
    public init(_ form: Format = .assembled, limit: Int = 1 << 20) {
        self.format = form
        self.limit = max(1, limit)
    }

    /// Takes the next bytes of the log, and hands out what is complete.
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
        // No shim writes such a line; a foreign file must not fill the memory.
        if incompleteLine.count > limit {
            receive(unparsedEntry(incompleteLine[...], continuesLine: isIncompleteLineContinuation, .moreFollows))
            incompleteLine = []
            isIncompleteLineContinuation = true
        }
    }

    /// Hands out what the log ends with in the middle of a line; the assembler is as new afterwards.
    public mutating func finish(_ receive: (LogEntry) -> Void) {
        if !incompleteLine.isEmpty {
            // A line that is still being written, or was torn: what can be read of it is shown.
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
            // The usual case: nothing is copied.
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
            // A copy, so that the chunk is not kept alive for a few bytes.
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

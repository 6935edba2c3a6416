import HeroModel
import HeroView

/// Reads the log lines of one action, file by file.
///
/// At the end it can continue when more lines arrive.
final class LogReader {
    /// The log that is read.
    let source: LogSource
    /// The job that has written the last delivered line; nil before the first line.
    private(set) var job: JobID?
    private let until: WallTime?
    private let starts: [WallTime]
    /// Lines before this time are skipped; nil after the first line that is not.
    private var from: WallTime?
    private var files: [LogFile] = []
    private var offset = 0
    /// Identifies the file that is being read.
    private var fingerprint: LogFile.Fingerprint?
    private var assembler: LogAssembler
    private var bufferedEntries: [LogEntry] = []
    private var nextIndex = 0
    private var lastTime: WallTime?
    private var isFinished = false

    /// The bytes per read.
    ///
    /// The lines that a shim writes are much shorter.
    private static let chunkSize = 65_536

    /// Creates a reader for the range of a source, or for its last lines.
    init(_ source: LogSource, lines: Int?, form: LogAssembler.Format) {
        self.source = source
        until = source.until
        from = source.from
        starts = source.starts
        assembler = LogAssembler(form)
        files = source.files()
        guard let lines else { return }
        if source.until == nil { seekToLastLines(lines) } else { bufferLastLines(lines) }
    }

    /// Returns the next line; nil at the end of the log.
    func next() -> LogEntry? {
        while true {
            while nextIndex < bufferedEntries.count {
                let entry = bufferedEntries[nextIndex]
                nextIndex += 1
                if isInRange(entry) { return entry }
                if isFinished { return nil }
            }
            guard !isFinished, fillBuffer() else { return nil }
        }
    }

    /// Returns the incomplete line at the end of the log.
    func finish() -> LogEntry? {
        if let file = files.first { consumePartialLine(of: file) }
        flush()
        return next()
    }

    /// The newest file of the reader.
    var lastFile: LogFile? { files.last }

    /// Adds files to read after the current ones.
    func append(_ more: [LogFile]) { files += more }

    // MARK: Reading

    /// Reads until at least one entry is buffered.
    ///
    /// - Returns: false at the end of the last file.
    private func fillBuffer() -> Bool {
        bufferedEntries.removeAll(keepingCapacity: true)
        nextIndex = 0
        while let file = files.first {
            job = file.job ?? job
            if wasTruncated(file) {
                offset = 0
                flush()
                if !bufferedEntries.isEmpty { return true }
            }
            let bytes = completeLines(of: file)
            if !bytes.isEmpty {
                offset += bytes.count
                assembler.feed(Array(bytes)) { bufferedEntries.append($0) }
                if !bufferedEntries.isEmpty { return true }
                continue
            }
            guard files.count > 1 else { return false }
            if consumePartialLine(of: file) || isFirstFileOfStart(files[1]) { flush() }
            files.removeFirst()
            offset = 0
            if !bufferedEntries.isEmpty { return true }
        }
        return false
    }

    /// Whether a file was truncated since the last read.
    ///
    /// It may have grown past the old offset since then.
    private func wasTruncated(_ file: LogFile) -> Bool {
        guard offset > 0 else {
            fingerprint = nil
            return false
        }
        let before = fingerprint
        fingerprint = file.fingerprint ?? fingerprint
        return file.size < offset || (before != nil && before != fingerprint)
    }

    /// Reads the next complete lines of a file.
    ///
    /// The writer may still take back an incomplete line.
    private func completeLines(of file: LogFile) -> ArraySlice<UInt8> {
        let bytes = file.read(from: offset, upTo: Self.chunkSize) ?? []
        if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) { return bytes[...end] }
        // A line longer than one read is not from a shim, and is passed on in parts.
        return bytes.count == Self.chunkSize ? bytes[...] : []
    }

    /// Reads the incomplete line at the end of a file.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    private func consumePartialLine(of file: LogFile) -> Bool {
        let bytes = file.read(from: offset, upTo: Self.chunkSize) ?? []
        guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "\n")) else { return false }
        offset += bytes.count
        assembler.feed(bytes) { bufferedEntries.append($0) }
        return true
    }

    /// Whether a file is the first one of a start.
    ///
    /// An incomplete line of the previous start does not continue in it.
    private func isFirstFileOfStart(_ file: LogFile) -> Bool {
        guard let first = file.firstTimestamp, let lastTime else { return true }
        // `starts` does not contain a start that happened during the read.
        return lastTime >= (starts.last ?? lastTime) || starts.contains { $0 > lastTime && $0 <= first }
    }

    private func flush() {
        if nextIndex >= bufferedEntries.count {
            bufferedEntries.removeAll(keepingCapacity: true)
            nextIndex = 0
        }
        assembler.finish { bufferedEntries.append($0) }
    }

    private func isInRange(_ entry: LogEntry) -> Bool {
        guard from != nil || until != nil || files.count > 1 else { return true }
        // The timestamp of a raw line is part of its text.
        let time = entry.time ?? LogLine(entry.text)?.time
        lastTime = time ?? lastTime
        if let until, let time, time >= until {
            isFinished = true
            return false
        }
        guard let bound = from else { return true }
        guard let time, time >= bound else { return false }
        from = nil
        return true
    }

    // MARK: The last lines

    /// Moves to the first of the last lines, in earlier files if necessary.
    private func seekToLastLines(_ lines: Int) {
        var rest = lines
        var index = files.count
        var start = 0
        while index > 0, rest > 0 || index == files.count {
            index -= 1
            let (begin, count) = files[index].findTail(rest)
            start = begin
            rest -= count
        }
        files.removeFirst(index)
        offset = start
    }

    /// Reads everything and buffers the last lines, for a range that ends inside a file.
    private func bufferLastLines(_ lines: Int) {
        var kept: [LogEntry] = []
        func keep(_ entry: LogEntry) {
            kept.append(entry)
            if kept.count > 2 * lines + 1024 { kept.removeFirst(kept.count - lines) }
        }
        while let entry = next() { keep(entry) }
        if !isFinished { while let entry = finish() { keep(entry) } }
        bufferedEntries = Array(kept.suffix(lines))
        nextIndex = 0
        files = []
        isFinished = false
        from = nil
    }
}

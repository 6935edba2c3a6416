import HeroModel
import HeroView

/// Reads the lines of one action's log, file by file; at the end it can go on where more comes.
final class LogReader {
    /// The action.
    let action: String
    private let until: WallTime?
    private let starts: [WallTime]
    /// Nothing before it is handed out; nil once it is reached.
    private var from: WallTime?
    private var files: [LogFile] = []
    private var offset = 0
    /// How the file began that is being read.
    private var fingerprint: LogFile.Fingerprint?
    private var assembler: LogAssembler
    private var bufferedEntries: [LogEntry] = []
    private var nextIndex = 0
    private var lastTime: WallTime?
    private var isFinished = false

    /// Bytes that are read at once; a line of a shim is much shorter.
    private static let chunkSize = 65_536

    /// Makes a reader of the stretch that a source wants, or of its last lines.
    init(_ source: LogSource, lines: Int?, form: LogAssembler.Format) {
        action = source.action
        until = source.until
        from = source.from
        starts = source.starts
        assembler = LogAssembler(form)
        files = source.files()
        guard let lines else { return }
        if source.until == nil { seekToLastLines(lines) } else { bufferLastLines(lines) }
    }

    /// The next line; nil at the end of what is there.
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

    /// Hands out what the log ends with in the middle of a line.
    func finish() -> LogEntry? {
        if let file = files.first { consumePartialLine(of: file) }
        flush()
        return next()
    }

    /// The newest file that it reads or will read.
    var lastFile: LogFile? { files.last }

    /// Goes on with further files once this one is read.
    func append(_ more: [LogFile]) { files += more }

    // MARK: Reading

    /// Reads on.
    ///
    /// - Returns: false at the end of the last file.
    private func fillBuffer() -> Bool {
        bufferedEntries.removeAll(keepingCapacity: true)
        nextIndex = 0
        while let file = files.first {
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

    /// Whether somebody has emptied a file since it was read last; it may have grown beyond that place again.
    private func wasTruncated(_ file: LogFile) -> Bool {
        guard offset > 0 else {
            fingerprint = nil
            return false
        }
        let before = fingerprint
        fingerprint = file.fingerprint ?? fingerprint
        return file.size < offset || (before != nil && before != fingerprint)
    }

    /// The next bytes of a file, up to the end of a line: what stands behind it may still be taken back by its writer.
    private func completeLines(of file: LogFile) -> ArraySlice<UInt8> {
        let bytes = file.read(from: offset, most: Self.chunkSize) ?? []
        if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) { return bytes[...end] }
        // No shim writes such a line; it goes on piece by piece.
        return bytes.count == Self.chunkSize ? bytes[...] : []
    }

    /// Takes the line that a file ends in the middle of.
    ///
    /// - Returns: whether there is one.
    @discardableResult
    private func consumePartialLine(of file: LogFile) -> Bool {
        let bytes = file.read(from: offset, most: Self.chunkSize) ?? []
        guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "\n")) else { return false }
        offset += bytes.count
        assembler.feed(bytes) { bufferedEntries.append($0) }
        return true
    }

    /// Whether a file is the first one of a start: what the start before did not end does not go on in it.
    private func isFirstFileOfStart(_ file: LogFile) -> Bool {
        guard let first = file.firstTimestamp, let lastTime else { return true }
        // A start that began while we were reading is not among those that we know of.
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
        // Raw lines have no time of their own; it stands in their text.
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

    /// Begins so many lines before the end, in earlier files if need be.
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

    /// Reads all, and keeps the last lines: for a stretch that ends somewhere in a file.
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

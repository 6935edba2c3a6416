/// Where the last lines of a log begin, found from its end: a long log is not read for its last ten lines.
public struct LogTail: Sendable {
    /// How many lines of the program are wanted.
    public var lines: Int

    /// Makes a tail.
    public init(lines: Int) {
        self.lines = max(0, lines)
    }

    /// Looks for the beginning of the last lines in the bytes at the end of a log.
    ///
    /// Lines are those of the program: parts (`P`) belong to the line that the next full one ends, and what the log
    /// ends with in the middle of a line counts as one.
    ///
    /// - Parameters:
    ///   - bytes: the end of the log, or all of it.
    ///   - isWhole: whether the bytes are the whole log.
    /// - Returns: the index of the first byte; nil when the bytes hold fewer lines and more of the log must be read.
    ///   For a whole log of fewer lines it is the start; see `count` for how many those are.
    public func start(in bytes: ArraySlice<UInt8>, isWhole: Bool) -> Int? {
        let (start, _) = scan(bytes)
        return start ?? (isWhole ? bytes.startIndex : nil)
    }

    /// How many of the wanted lines the bytes of a whole log hold: at most `lines`; the rest is in the file before.
    public func count(in bytes: ArraySlice<UInt8>) -> Int { scan(bytes).count }

    private func scan(_ bytes: ArraySlice<UInt8>) -> (start: Int?, count: Int) {
        let lineFeed = UInt8(ascii: "\n")
        guard lines > 0 else { return (bytes.endIndex, 0) }
        var count = 0
        var rest = bytes
        // What stands behind the last line feed is a line that has not ended.
        var isOpen = rest.last != lineFeed && !rest.isEmpty
        if isOpen {
            rest = rest[..<(rest.lastIndex(of: lineFeed).map { $0 + 1 } ?? rest.startIndex)]
            count = 1
        }
        while !rest.isEmpty {
            let end = rest.endIndex
            let body = rest.dropLast()
            let start = body.lastIndex(of: lineFeed).map { $0 + 1 } ?? rest.startIndex
            let isPartial = LogLine(body[start...])?.isPartial ?? false
            if !isPartial {
                if count == lines { return (end, count) }
                count += 1
                isOpen = true
            } else if !isOpen {
                // Parts at the end of the log whose line never ended.
                count += 1
                isOpen = true
            }
            rest = rest[..<start]
        }
        return (nil, count)
    }
}

/// Finds the start of the last lines of a log from its end, so that a long log need not be read completely.
public struct LogTail: Sendable {
    /// The number of requested lines of the program.
    public var lines: Int

    /// Creates a tail.
    public init(lines: Int) {
        self.lines = max(0, lines)
    }

    /// Finds the start of the last lines in the bytes at the end of a log.
    ///
    /// Lines are those of the program: parts (`P`) belong to the line that the next full part ends, and an unfinished
    /// line at the end of the log counts as one.
    ///
    /// - Parameters:
    ///   - bytes: the end of the log, or all of it.
    ///   - isWhole: whether the bytes are the whole log.
    /// - Returns: the index of the first byte; nil if the bytes contain fewer lines and more of the log must be read.
    ///   For a whole log with fewer lines it is the start; `count` returns their number.
    public func start(in bytes: ArraySlice<UInt8>, isWhole: Bool) -> Int? {
        let (start, _) = scan(bytes)
        return start ?? (isWhole ? bytes.startIndex : nil)
    }

    /// The number of lines in the bytes of a whole log, at most `lines`; the other lines are in the previous file.
    public func count(in bytes: ArraySlice<UInt8>) -> Int { scan(bytes).count }

    private func scan(_ bytes: ArraySlice<UInt8>) -> (start: Int?, count: Int) {
        let lineFeed = UInt8(ascii: "\n")
        guard lines > 0 else { return (bytes.endIndex, 0) }
        var count = 0
        var rest = bytes
        // The text behind the last line feed is an unfinished line.
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

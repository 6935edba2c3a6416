public import HeroModel

/// One line of a job's log: `<RFC3339Nano> stdout|stderr F|P <line>` (the CRI log format).
public struct LogLine: Hashable, Sendable {
    /// Where the program wrote it.
    public enum Stream: Hashable, Sendable {
        /// Standard output.
        case stdout
        /// Standard error.
        case stderr
    }

    /// The bytes of the time.
    public var timestamp: ArraySlice<UInt8>
    /// Where the program wrote it.
    public var stream: Stream
    /// Whether the program's line goes on in the next log line of its stream (`P`).
    public var isPartial: Bool
    /// What the program wrote, without its line feed.
    public var content: ArraySlice<UInt8>

    /// Reads a line without its line feed; no byte is copied.
    ///
    /// - Returns: nil when it is not in the CRI format (a line torn by a crash of the machine, a foreign file).
    public init?(_ line: ArraySlice<UInt8>) {
        let space = UInt8(ascii: " ")
        // `2026-11-21T13:34:58Z` has 20 bytes, nanoseconds and an offset make it 35.
        guard let afterTime = line.prefix(36).firstIndex(of: space), afterTime - line.startIndex >= 20,
            line[line.startIndex + 4] == UInt8(ascii: "-"), line[line.startIndex + 10] == UInt8(ascii: "T")
        else { return nil }
        let rest = line[(afterTime + 1)...]
        if rest.starts(with: Self.stdout) {
            stream = .stdout
        } else if rest.starts(with: Self.stderr) {
            stream = .stderr
        } else {
            return nil
        }
        // Both names have six letters. The format allows further tags behind the first, set off by colons.
        let tags = rest.dropFirst(7)
        switch tags.first {
        case UInt8(ascii: "F"): isPartial = false
        case UInt8(ascii: "P"): isPartial = true
        case .some, nil: return nil
        }
        let afterTags = tags.dropFirst()
        switch afterTags.first {
        case space: content = afterTags.dropFirst()
        case UInt8(ascii: ":"):
            guard let end = afterTags.firstIndex(of: space) else { return nil }
            content = afterTags[(end + 1)...]
        case nil: content = afterTags
        case .some: return nil
        }
        timestamp = line[line.startIndex..<afterTime]
    }

    /// The time; nil when it is not in UTC or no time at all.
    public var time: WallTime? { WallTime(String(decoding: timestamp, as: UTF8.self)) }

    private static let stdout = Array("stdout ".utf8)
    private static let stderr = Array("stderr ".utf8)
}

/// One line that a program wrote, put together from the log.
public struct LogEntry: Hashable, Sendable {
    /// How the text of an entry goes on.
    public enum End: Hashable, Sendable {
        /// The program ended the line.
        case lineFeed
        /// The line is so long that it is handed out in pieces; the next entry of its stream is the next piece.
        case moreFollows
        /// The log ends here, in the middle of a line.
        case endOfLog
    }

    /// The bytes of the time of its first part; empty for a line that is not in the CRI format.
    public var timestamp: ArraySlice<UInt8>
    /// Where the program wrote it; nil for a line that is not in the CRI format.
    public var stream: LogLine.Stream?
    /// Whether it is a further piece of a long line.
    public var continuesLine: Bool
    /// What the program wrote, without its line feed.
    public var text: ArraySlice<UInt8>
    /// How it goes on.
    public var end: End

    /// The time; nil when there is none in UTC.
    public var time: WallTime? { WallTime(String(decoding: timestamp, as: UTF8.self)) }
}

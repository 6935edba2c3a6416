public import HeroModel

/// One line of a job's log: `<RFC3339Nano> stdout|stderr F|P <line>` (the CRI log format).
public struct LogLine: Hashable, Sendable {
    /// The stream that the program wrote to.
    public enum Stream: Hashable, Sendable {
        /// Standard output.
        case stdout
        /// Standard error.
        case stderr
    }

    /// The bytes of the time.
    public var timestamp: ArraySlice<UInt8>
    /// The stream that the program wrote to.
    public var stream: Stream
    /// Whether the program's line continues in the next log line of its stream (`P`).
    public var isPartial: Bool
    /// The text of the program, without its line feed.
    public var content: ArraySlice<UInt8>

    /// Parses a line without its line feed; no byte is copied.
    ///
    /// - Returns: nil if it is not in the CRI format (a line torn by a crash of the machine, or another file).
    public init?(_ line: ArraySlice<UInt8>) {
        let space = UInt8(ascii: " ")
        // `2026-11-21T13:34:58Z` has 20 bytes, with nanoseconds and an offset 35.
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
        // Both stream names have six letters. The format allows further tags after the first, separated by colons.
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

    /// The time; nil if it is invalid or not in UTC.
    public var time: WallTime? { WallTime(String(decoding: timestamp, as: UTF8.self)) }

    private static let stdout = Array("stdout ".utf8)
    private static let stderr = Array("stderr ".utf8)
}

public import HeroModel

/// One line that a program wrote, assembled from the log.
public struct LogEntry: Hashable, Sendable {
    /// How an entry ends.
    public enum End: Hashable, Sendable {
        /// The program ended the line.
        case lineFeed
        /// The line is delivered in pieces because it is long; the next entry of its stream is the next piece.
        case moreFollows
        /// The log ends here, within a line.
        case endOfLog
    }

    /// The bytes of the time of its first part; empty for a line that is not in the CRI format.
    public var timestamp: ArraySlice<UInt8>
    /// The stream that the program wrote to; nil for a line that is not in the CRI format.
    public var stream: LogLine.Stream?
    /// Whether it is a further piece of a long line.
    public var continuesLine: Bool
    /// The text of the program, without its line feed.
    public var text: ArraySlice<UInt8>
    /// How it ends.
    public var end: End

    /// The time; nil if there is none in UTC.
    public var time: WallTime? { WallTime(String(decoding: timestamp, as: UTF8.self)) }
}

/// An event.
public struct EventRecord: Hashable, Sendable, Codable {
    /// The importance.
    public enum Level: String, Hashable, Sendable, Codable, CaseIterable {
        /// Normal operation.
        case info
        /// A problem that may need attention.
        case warning
        /// A failure.
        case error
    }

    /// The time.
    public var time: WallTime
    /// The importance.
    public var level: Level
    /// The source, such as `reconciler` or `hero_proc.auto_start_db`.
    public var source: String
    /// The subject: `core/web`, `core/web.server`, or empty.
    public var subject: String
    /// The text.
    public var text: String

    /// Makes an event.
    public init(time: WallTime, level: Level, source: String, subject: String, text: String) {
        self.time = time
        self.level = level
        self.source = source
        self.subject = subject
        self.text = text
    }
}

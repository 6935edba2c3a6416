import HeroModel

/// The part of a log to show.
struct LogSelection {
    /// The number of last lines; nil for all lines.
    var lines: Int?
    /// The earliest time to show.
    var since: WallTime?
    /// Whether to show the start before the last one.
    var isPrevious: Bool
}

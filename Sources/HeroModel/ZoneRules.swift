/// How far the wall clocks of a place are from UTC, at any time.
///
/// A list of changes in the past, and a rule that goes on for ever, as TZif files have them (RFC 9636). Times are seconds since
/// 1970 in UTC, leap seconds not counted. Local times are written the same way: the seconds that a clock which shows the local
/// time would have counted.
public struct ZoneRules: Hashable, Sendable {
    /// A moment at which the clocks are changed.
    struct Change: Hashable, Sendable {
        /// Seconds since 1970.
        var time: Int64
        /// Seconds that the clocks are ahead of UTC from then on.
        var offset: Int64
    }

    /// A time during which nobody touches the clocks.
    public struct Stretch: Hashable, Sendable {
        /// Seconds since 1970 of its first second.
        public let start: Int64
        /// Seconds since 1970 of the first second after it.
        public let end: Int64
        /// Seconds that the clocks are ahead of UTC.
        public let offset: Int64
    }

    /// Coordinated Universal Time.
    public static let utc = Self(offset: 0, changes: [], rule: nil)

    /// Times are looked at from 2^59 seconds before 1970 (RFC 9636, 3.2) to as long after it.
    static let reach: Int64 = 1 << 59
    /// Clocks are less than 26 hours away from UTC (RFC 9636, 3.2); in seconds.
    public static let farthestOffset: Int64 = 26 * 3600 - 1

    /// What is in force before the first change.
    private let firstOffset: Int64
    /// Strictly ascending.
    private let changes: [Change]
    /// What goes on after the last change; nil: nothing changes any more.
    private let rule: YearlyRule?

    init(offset: Int64, changes: [Change], rule: YearlyRule?) {
        firstOffset = offset
        self.changes = changes
        self.rule = rule
    }

    /// Seconds that the clocks are ahead of UTC.
    public func offset(at time: Int64) -> Int64 {
        stretch(at: time).offset
    }

    /// The time around a moment during which nobody touches the clocks.
    public func stretch(at moment: Int64) -> Stretch {
        let time = min(max(moment, 0 &- Self.reach), Self.reach)
        let index = countOfChanges(through: time)
        let start = index == 0 ? .min : changes[index - 1].time
        guard index == changes.count, let rule else {
            return Stretch(
                start: start,
                end: index == changes.count ? .max : changes[index].time,
                offset: index == 0 ? firstOffset : changes[index - 1].offset
            )
        }
        let stretch = rule.stretch(at: time)
        return Stretch(start: max(start, stretch.start), end: stretch.end, offset: stretch.offset)
    }

    /// The times at which the clocks show a local time: none where it is skipped, two where it comes again.
    public func instants(ofLocal local: Int64) -> [Int64] {
        let middle = min(max(local, 0 &- Self.reach), Self.reach)
        var instants: [Int64] = []
        var time = middle &- Self.farthestOffset
        while time <= middle &+ Self.farthestOffset {
            let stretch = stretch(at: time)
            let instant = middle &- stretch.offset
            if stretch.start <= instant, instant < stretch.end { instants.append(instant) }
            time = stretch.end
        }
        return instants
    }

    /// How many changes have happened at a time.
    private func countOfChanges(through time: Int64) -> Int {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// How far the wall clocks of a place are from UTC, at any time.
///
/// A list of changes in the past, and a rule that goes on for ever, as TZif files have them (RFC 9636). Times are seconds since
/// 1970 in UTC, leap seconds not counted. Local times are written the same way: the seconds that a clock which shows the local
/// time would have counted.
public struct TimeZoneRules: Hashable, Sendable {
    /// A moment at which the clocks are changed.
    struct Transition: Hashable, Sendable {
        /// Seconds since 1970.
        var time: Int64
        /// Seconds that the clocks are ahead of UTC from then on.
        var offset: Int64
    }

    /// A time during which nobody touches the clocks.
    public struct OffsetPeriod: Hashable, Sendable {
        /// Seconds since 1970 of its first second.
        public let start: Int64
        /// Seconds since 1970 of the first second after it.
        public let end: Int64
        /// Seconds that the clocks are ahead of UTC.
        public let offset: Int64
    }

    /// Coordinated Universal Time.
    public static let utc = Self(offset: 0, transitions: [], rule: nil)

    /// Times are looked at from 2^59 seconds before 1970 (RFC 9636, 3.2) to as long after it.
    static let maxTime: Int64 = 1 << 59
    /// Clocks are less than 26 hours away from UTC (RFC 9636, 3.2); in seconds.
    public static let maxOffset: Int64 = 26 * 3600 - 1

    /// What is in force before the first change.
    private let initialOffset: Int64
    /// Strictly ascending.
    private let transitions: [Transition]
    /// What goes on after the last change; nil: nothing changes any more.
    private let rule: YearlyRule?

    init(offset: Int64, transitions: [Transition], rule: YearlyRule?) {
        initialOffset = offset
        self.transitions = transitions
        self.rule = rule
    }

    /// Seconds that the clocks are ahead of UTC.
    public func offset(at time: Int64) -> Int64 {
        period(at: time).offset
    }

    /// The time around a moment during which nobody touches the clocks.
    public func period(at moment: Int64) -> OffsetPeriod {
        let time = min(max(moment, 0 &- Self.maxTime), Self.maxTime)
        let index = countTransitions(through: time)
        let start = index == 0 ? .min : transitions[index - 1].time
        guard index == transitions.count, let rule else {
            return OffsetPeriod(
                start: start,
                end: index == transitions.count ? .max : transitions[index].time,
                offset: index == 0 ? initialOffset : transitions[index - 1].offset
            )
        }
        let stretch = rule.period(at: time)
        return OffsetPeriod(start: max(start, stretch.start), end: stretch.end, offset: stretch.offset)
    }

    /// The times at which the clocks show a local time: none where it is skipped, two where it comes again.
    public func instants(ofLocal local: Int64) -> [Int64] {
        let middle = min(max(local, 0 &- Self.maxTime), Self.maxTime)
        var instants: [Int64] = []
        var time = middle &- Self.maxOffset
        while time <= middle &+ Self.maxOffset {
            let stretch = period(at: time)
            let instant = middle &- stretch.offset
            if stretch.start <= instant, instant < stretch.end { instants.append(instant) }
            time = stretch.end
        }
        return instants
    }

    /// How many changes have happened at a time.
    private func countTransitions(through time: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

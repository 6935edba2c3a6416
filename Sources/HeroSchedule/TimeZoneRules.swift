/// The offset of local time from UTC in one time zone, at any time.
///
/// The rules are a list of past changes and a rule for the future, as in TZif files (RFC 9636). Times are seconds since
/// 1970 in UTC without leap seconds. Local times are seconds since 1970 on a clock that shows local time.
public struct TimeZoneRules: Hashable, Sendable {
    /// A change of the offset.
    struct Transition: Hashable, Sendable {
        /// Seconds since 1970.
        var time: Int64
        /// Seconds ahead of UTC from then on.
        var offset: Int64
    }

    /// A period with one offset.
    public struct OffsetPeriod: Hashable, Sendable {
        /// The first second of the period, since 1970.
        public let start: Int64
        /// The first second after the period, since 1970.
        public let end: Int64
        /// Seconds ahead of UTC.
        public let offset: Int64
    }

    /// Coordinated Universal Time.
    public static let utc = Self(offset: 0, transitions: [], rule: nil)

    /// The range of supported times: 2^59 seconds before and after 1970 (RFC 9636 section 3.2).
    static let maxTime: Int64 = 1 << 59
    /// The largest offset from UTC, in seconds: less than 26 hours (RFC 9636 section 3.2).
    public static let maxOffset: Int64 = 26 * 3600 - 1

    /// The offset before the first change.
    private let initialOffset: Int64
    /// The changes, in strictly ascending order of time.
    private let transitions: [Transition]
    /// The rule after the last change; nil if the offset no longer changes.
    private let rule: YearlyRule?

    init(offset: Int64, transitions: [Transition], rule: YearlyRule?) {
        initialOffset = offset
        self.transitions = transitions
        self.rule = rule
    }

    /// Seconds ahead of UTC at a time.
    public func offset(at time: Int64) -> Int64 {
        period(at: time).offset
    }

    /// The period with one offset that contains a time.
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
        let period = rule.period(at: time)
        return OffsetPeriod(start: max(start, period.start), end: period.end, offset: period.offset)
    }

    /// The times at which the clocks show a local time: none if it is skipped, two if it is repeated.
    public func instants(ofLocal local: Int64) -> [Int64] {
        let middle = min(max(local, 0 &- Self.maxTime), Self.maxTime)
        var instants: [Int64] = []
        var time = middle &- Self.maxOffset
        while time <= middle &+ Self.maxOffset {
            let period = period(at: time)
            let instant = middle &- period.offset
            if period.start <= instant, instant < period.end { instants.append(instant) }
            time = period.end
        }
        return instants
    }

    /// The number of changes up to and including a time.
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

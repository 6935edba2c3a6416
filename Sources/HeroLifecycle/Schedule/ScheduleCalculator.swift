public import HeroModel
public import HeroSchedule

/// When what is scheduled runs by itself.
///
/// A cron expression goes by the clocks of its zone. Where its hours are fixed, each of its times comes exactly once: when the
/// clocks are put forward over it, at the first moment after the gap, and when they show it twice, the first time. Where its hour
/// is a star (or `*/N`), it comes at every minute at which the clocks show one of its times, as crond does (decision 0018).
public enum ScheduleCalculator {
    /// How far back missed runs are counted, in seconds: ten years.
    static let missedRunWindow: Int64 = 10 * 366 * 86_400

    /// The first run that is later than a time.
    ///
    /// - Parameters:
    ///   - schedule: The rhythm.
    ///   - time: The run must be later than this.
    ///   - anchor: What `every` counts from: the first run comes one interval after it.
    ///   - zone: The zone that the schedule names.
    /// - Returns: nil when there is none.
    public static func nextRun(
        of schedule: Schedule,
        after time: WallTime,
        anchor: WallTime,
        zone: TimeZoneRules
    ) -> WallTime? {
        switch schedule.timing {
        case .cron(let expression):
            guard let fields = expression.fields else { return nil }
            return CronSchedule(fields: fields, zone: zone).nextTime(after: time.wholeSeconds).flatMap(
                WallTime.init(seconds:)
            )
        case .every(let interval):
            return IntervalSchedule(interval, from: anchor)?.nextRun(after: time)
        }
    }

    /// How many runs there are after the first time, up to and with the second; of a longer time only the last ten years.
    ///
    /// - Parameters:
    ///   - schedule: The rhythm.
    ///   - start: Runs at this time do not count.
    ///   - end: Runs at this time count.
    ///   - anchor: What `every` counts from.
    ///   - zone: The zone that the schedule names.
    /// - Returns: The number of runs; 0 when the second time is not later than the first.
    public static func countMissedRuns(
        of schedule: Schedule,
        between start: WallTime,
        and end: WallTime,
        anchor: WallTime,
        zone: TimeZoneRules
    ) -> Int {
        guard start < end else { return 0 }
        switch schedule.timing {
        case .cron(let expression):
            guard let fields = expression.fields else { return 0 }
            let last = end.wholeSeconds
            return CronSchedule(fields: fields, zone: zone).countTimes(
                after: max(start.wholeSeconds, last - missedRunWindow),
                through: last
            )
        case .every(let interval):
            guard let beat = IntervalSchedule(interval, from: anchor) else { return 0 }
            return Int(clamping: beat.countRuns(at: end) &- beat.countRuns(at: start))
        }
    }
}

/// Equal steps from an anchor, without drift.
private struct IntervalSchedule {
    let anchor: Int64
    let interval: Int64

    /// nil when the interval is not at least a microsecond.
    init?(_ interval: Duration, from anchor: WallTime) {
        let microseconds = interval.wholeNanoseconds / 1000
        guard microseconds > 0 else { return nil }
        self.anchor = anchor.microseconds
        self.interval = microseconds
    }

    /// How many beats have come at a time.
    func countRuns(at time: WallTime) -> Int64 {
        let (elapsed, overflow) = time.microseconds.subtractingReportingOverflow(anchor)
        guard !overflow else { return time.microseconds < anchor ? 0 : .max / interval }
        return max(0, elapsed / interval)
    }

    func nextRun(after time: WallTime) -> WallTime? {
        let (steps, carried) = (countRuns(at: time) &+ 1).multipliedReportingOverflow(by: interval)
        let (sum, overflow) = anchor.addingReportingOverflow(steps)
        return carried || overflow ? nil : WallTime(microseconds: sum)
    }
}

extension WallTime {
    /// Seconds since 1970, rounded down.
    fileprivate var wholeSeconds: Int64 { microseconds.floorDivided(by: 1_000_000) }

    fileprivate init?(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return nil }
        self.init(microseconds: product)
    }
}

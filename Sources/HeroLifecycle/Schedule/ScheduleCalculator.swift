public import HeroModel
public import HeroSchedule

/// Computes when a scheduled action runs.
///
/// A cron expression follows the local time of its time zone. If its hours are fixed, each of its times occurs exactly
/// once a day: a local time that is skipped occurs at the first moment after the gap, and a local time that is repeated
/// occurs the first time only. If its hour is a star (or `*/N`), it occurs at every matching local time, as in crond
/// (decision 0018).
public enum ScheduleCalculator {
    /// How far back missed runs are counted: ten years, in seconds.
    static let missedRunWindow: Int64 = 10 * 366 * 86_400

    /// The first run after a time.
    ///
    /// - Parameters:
    ///   - schedule: The schedule.
    ///   - time: The run is later than this.
    ///   - anchor: The start of an `every` schedule; its first run is one interval later.
    ///   - zone: The time zone of the schedule.
    /// - Returns: The time of the run; nil if there is none.
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

    /// The delay of all runs of an action on a machine: at least zero, and less than `jitter`.
    public static func delay(within jitter: Duration, of name: QualifiedName, on machineID: String) -> Duration {
        // FNV-1a, then a round of mixing, because similar names must get different delays.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(machineID) \(name)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 33
        let limit = UInt64(clamping: jitter.wholeNanoseconds / 1000)
        return .microseconds(Int64(clamping: hash.multipliedFullWidth(by: limit).high))
    }

    /// The number of runs after `start`, up to and including `end`; at most the last ten years are counted.
    ///
    /// - Parameters:
    ///   - schedule: The schedule.
    ///   - start: A run at this time does not count.
    ///   - end: A run at this time counts.
    ///   - anchor: The start of an `every` schedule.
    ///   - zone: The time zone of the schedule.
    /// - Returns: The number of runs; 0 if `end` is not later than `start`.
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
            guard let runs = IntervalSchedule(interval, from: anchor) else { return 0 }
            return Int(clamping: runs.countRuns(at: end) &- runs.countRuns(at: start))
        }
    }
}

/// Runs at equal intervals from an anchor, without drift.
private struct IntervalSchedule {
    let anchor: Int64
    let interval: Int64

    /// Makes a schedule; nil if the interval is shorter than a microsecond.
    init?(_ interval: Duration, from anchor: WallTime) {
        let microseconds = interval.wholeNanoseconds / 1000
        guard microseconds > 0 else { return nil }
        self.anchor = anchor.microseconds
        self.interval = microseconds
    }

    /// The number of runs up to and including a time.
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

/// The times of a cron expression in a time zone, in whole seconds since 1970 (UTC).
public struct CronSchedule {
    let fields: CronFields
    let zone: TimeZoneRules

    /// How far ahead the next time is searched, in days.
    ///
    /// The rarest expression is a 29 February on one day of the week. It occurs at least once in 40 years.
    static let searchHorizonDays: Int64 = 41 * 366

    private static let secondsPerDay: Int64 = 86_400
    /// No clock change was ever larger than this, in seconds.
    private static let maxClockStep = 2 * TimeZoneRules.maxOffset

    /// Creates a schedule of the fields of a cron expression in a time zone.
    public init(fields: CronFields, zone: TimeZoneRules) {
        self.fields = fields
        self.zone = zone
    }

    /// The first time after `time`; nil if there is none within the search horizon.
    public func nextTime(after time: Int64) -> Int64? {
        guard fields.isEveryHour else {
            let end = time &+ Self.searchHorizonDays * Self.secondsPerDay
            return nextLocal(from: latestLocal(through: time) &+ 1, before: end).flatMap(firstInstant(reaching:))
        }
        var start = time &+ 1
        let end = time &+ Self.searchHorizonDays * Self.secondsPerDay
        while start < end {
            let period = zone.period(at: start)
            let limit = min(period.end, end)
            if let local = nextLocal(from: start &+ period.offset, before: limit &+ period.offset) {
                return local &- period.offset
            }
            start = period.end
        }
        return nil
    }

    /// The number of times after `first`, up to and including `last`.
    public func countTimes(after first: Int64, through last: Int64) -> Int {
        var count = 0
        var start = first &+ 1
        var shown = latestLocal(through: first)
        while start <= last {
            let period = zone.period(at: start)
            let end = min(period.end, last &+ 1)
            if fields.isEveryHour {
                count += countLocal(from: start &+ period.offset, before: end &+ period.offset)
            } else {
                // All skipped local times and the first local time after the gap count as one.
                let jump = countLocal(from: shown &+ 1, before: start &+ period.offset &+ 1)
                let fresh = max(shown, start &+ period.offset)
                count += min(jump, 1) + countLocal(from: fresh &+ 1, before: end &+ period.offset)
                shown = max(shown, end &- 1 &+ period.offset)
            }
            start = end
        }
        return count
    }

    // MARK: Local time and UTC

    /// The latest local time that the clocks have shown up to `time`.
    private func latestLocal(through time: Int64) -> Int64 {
        var latest = time &+ zone.offset(at: time)
        var period = zone.period(at: time)
        while period.start > time &- Self.maxClockStep {
            let end = period.start
            period = zone.period(at: end &- 1)
            latest = max(latest, end &- 1 &+ period.offset)
        }
        return latest
    }

    /// The first time at which the clocks show `local` or a later local time.
    private func firstInstant(reaching local: Int64) -> Int64? {
        var time = local &- TimeZoneRules.maxOffset
        while time <= local &+ TimeZoneRules.maxOffset {
            let period = zone.period(at: time)
            let instant = max(period.start, local &- period.offset)
            if instant < period.end { return instant }
            time = period.end
        }
        return nil
    }

    // MARK: Local times

    /// The first local time in a range that matches the expression.
    private func nextLocal(from start: Int64, before end: Int64) -> Int64? {
        // Only whole minutes match.
        let first = (start &+ 59).floorDivided(by: 60) &* 60
        var day = first.floorDivided(by: Self.secondsPerDay)
        var minute = Int((first &- day &* Self.secondsPerDay) / 60)
        while day &* Self.secondsPerDay < end {
            if fields.allows(day: day), let found = fields.firstMinuteOfDay(notBefore: minute) {
                let local = day &* Self.secondsPerDay &+ Int64(found) * 60
                return local < end ? local : nil
            }
            day &+= 1
            minute = 0
        }
        return nil
    }

    /// The number of local times in a range that match the expression.
    private func countLocal(from start: Int64, before end: Int64) -> Int {
        guard start < end else { return 0 }
        let firstDay = start.floorDivided(by: Self.secondsPerDay)
        let lastDay = end.floorDivided(by: Self.secondsPerDay)
        let skipped = fields.allows(day: firstDay) ? countMinutes(before: start, of: firstDay) : 0
        let ofLast = fields.allows(day: lastDay) ? countMinutes(before: end, of: lastDay) : 0
        let days = stride(from: firstDay, to: lastDay, by: 1).count { fields.allows(day: $0) }
        return days * fields.countMinutes(before: 1440) + ofLast - skipped
    }

    /// The number of matching times of a day before a local time of that day.
    private func countMinutes(before local: Int64, of day: Int64) -> Int {
        fields.countMinutes(before: Int((local &- day &* Self.secondsPerDay &+ 59) / 60))
    }
}

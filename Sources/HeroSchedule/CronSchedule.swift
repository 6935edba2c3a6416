/// The times of a cron expression in a zone, in whole seconds since 1970.
public struct CronSchedule {
    let fields: CronFields
    let zone: TimeZoneRules

    /// Two leap years can be 8 years apart, and the weekdays of a 29 February repeat after 40 years: a later time never comes.
    static let searchHorizonDays: Int64 = 41 * 366

    private static let secondsPerDay: Int64 = 86_400
    /// The clocks of no place were ever put back further than this, in seconds.
    private static let maxClockStep = 2 * TimeZoneRules.maxOffset

    /// Creates a schedule of the fields of a cron expression in a time zone.
    public init(fields: CronFields, zone: TimeZoneRules) {
        self.fields = fields
        self.zone = zone
    }

    /// The first time after another one.
    public func nextTime(after time: Int64) -> Int64? {
        guard fields.isEveryHour else {
            let end = (time &+ Self.searchHorizonDays * Self.secondsPerDay)
            return nextLocal(from: latestLocal(through: time) &+ 1, before: end).flatMap(firstInstant(reaching:))
        }
        var start = time &+ 1
        let end = time &+ Self.searchHorizonDays * Self.secondsPerDay
        while start < end {
            let stretch = zone.period(at: start)
            let limit = min(stretch.end, end)
            if let local = nextLocal(from: start &+ stretch.offset, before: limit &+ stretch.offset) {
                return local &- stretch.offset
            }
            start = stretch.end
        }
        return nil
    }

    /// How many times there are after the first one, up to and with the second.
    public func countTimes(after first: Int64, through last: Int64) -> Int {
        var count = 0
        var start = first &+ 1
        var shown = latestLocal(through: first)
        while start <= last {
            let stretch = zone.period(at: start)
            let end = min(stretch.end, last &+ 1)
            if fields.isEveryHour {
                count += countLocal(from: start &+ stretch.offset, before: end &+ stretch.offset)
            } else {
                // All that the clocks jumped over, and what they show after it, comes at once.
                let jump = countLocal(from: shown &+ 1, before: start &+ stretch.offset &+ 1)
                let fresh = max(shown, start &+ stretch.offset)
                count += min(jump, 1) + countLocal(from: fresh &+ 1, before: end &+ stretch.offset)
                shown = max(shown, end &- 1 &+ stretch.offset)
            }
            start = end
        }
        return count
    }

    // MARK: Between the clocks of the place and the time

    /// The latest local time that the clocks have shown.
    private func latestLocal(through time: Int64) -> Int64 {
        var latest = time &+ zone.offset(at: time)
        var stretch = zone.period(at: time)
        while stretch.start > time &- Self.maxClockStep {
            let end = stretch.start
            stretch = zone.period(at: end &- 1)
            latest = max(latest, end &- 1 &+ stretch.offset)
        }
        return latest
    }

    /// The first time at which the clocks show a local time, or one that is later.
    private func firstInstant(reaching local: Int64) -> Int64? {
        var time = local &- TimeZoneRules.maxOffset
        while time <= local &+ TimeZoneRules.maxOffset {
            let stretch = zone.period(at: time)
            let instant = max(stretch.start, local &- stretch.offset)
            if instant < stretch.end { return instant }
            time = stretch.end
        }
        return nil
    }

    // MARK: On the clocks of the place

    /// The first local time in a range at which the expression comes.
    private func nextLocal(from start: Int64, before end: Int64) -> Int64? {
        // It comes at whole minutes.
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

    /// At how many local times in a range the expression comes.
    private func countLocal(from start: Int64, before end: Int64) -> Int {
        guard start < end else { return 0 }
        let firstDay = start.floorDivided(by: Self.secondsPerDay)
        let lastDay = end.floorDivided(by: Self.secondsPerDay)
        let skipped = fields.allows(day: firstDay) ? countMinutes(before: start, of: firstDay) : 0
        let ofLast = fields.allows(day: lastDay) ? countMinutes(before: end, of: lastDay) : 0
        let days = stride(from: firstDay, to: lastDay, by: 1).count { fields.allows(day: $0) }
        return days * fields.countMinutes(before: 1440) + ofLast - skipped
    }

    /// How many times of a day are before a local time of that day.
    private func countMinutes(before local: Int64, of day: Int64) -> Int {
        fields.countMinutes(before: Int((local &- day &* Self.secondsPerDay &+ 59) / 60))
    }
}

/// A rule for all future years: one offset, or two offsets that alternate each year (POSIX `TZ`, RFC 9636 section 3.3).
struct YearlyRule: Hashable, Sendable {
    /// The day and time of a yearly clock change.
    struct TransitionRule: Hashable, Sendable {
        /// The rule for the day.
        enum Day: Hashable, Sendable {
            /// 1 to 365; 29 February is never counted, so `J60` is 1 March.
            case withoutLeapDay(Int)
            /// 0 to 365; 29 February is counted.
            case dayOfYear(Int)
            /// The weekday (0 is Sunday) of a month in week 1 to 4; week 5 is the last one of the month.
            case weekday(month: Int, week: Int, weekday: Int)
        }

        /// The day.
        var day: Day
        /// Seconds after local midnight, from -167 to 167 hours.
        var seconds: Int64

        /// The time of the change in a year, in local seconds since 1970.
        func localTime(inYear year: Int64) -> Int64 {
            dayNumber(inYear: year) &* 86_400 &+ seconds
        }

        private func dayNumber(inYear year: Int64) -> Int64 {
            let newYear = CalendarDate(year: year, month: 1, day: 1).dayNumber
            switch day {
            case .withoutLeapDay(let number):
                let skipped = number >= 60 && CalendarDate.isLeap(year)
                return newYear &+ Int64(number) &- (skipped ? 0 : 1)
            case .dayOfYear(let number):
                return newYear &+ Int64(number)
            case .weekday(let month, let week, let weekday):
                let first = CalendarDate(year: year, month: month, day: 1).dayNumber
                let ahead = (weekday - CalendarDate.weekday(ofDay: first) + 7) % 7
                var day = ahead + 7 * (week - 1)
                while day >= CalendarDate.days(inMonth: month, of: year) { day -= 7 }
                return first &+ Int64(day)
            }
        }
    }

    /// Daylight saving time.
    struct DaylightSaving: Hashable, Sendable {
        /// Seconds ahead of UTC.
        var offset: Int64
        /// When it begins, in standard time.
        var start: TransitionRule
        /// When it ends, in daylight saving time.
        var end: TransitionRule
    }

    /// Seconds ahead of UTC.
    var standardOffset: Int64
    /// Daylight saving time; nil if the offset never changes.
    var daylightSaving: DaylightSaving?

    /// The period with one offset that contains a time.
    func period(at time: Int64) -> TimeZoneRules.OffsetPeriod {
        guard let daylightSaving else {
            return TimeZoneRules.OffsetPeriod(start: .min, end: .max, offset: standardOffset)
        }
        let year = CalendarDate(day: time.floorDivided(by: 86_400)).year
        // An end at the same time as the next start has no effect. Permanent daylight saving time is written in this
        // way.
        let transitions = ((year &- 2)...(year &+ 2)).flatMap { year in
            [
                (
                    time: daylightSaving.end.localTime(inYear: year) &- daylightSaving.offset, order: 0,
                    offset: standardOffset
                ),
                (
                    time: daylightSaving.start.localTime(inYear: year) &- standardOffset, order: 1,
                    offset: daylightSaving.offset
                ),
            ]
        }.sorted { ($0.time, $0.order) < ($1.time, $1.order) }
        let current = transitions.last { $0.time <= time }
        let next = transitions.first { $0.time > time }
        return TimeZoneRules.OffsetPeriod(
            start: current?.time ?? .min,
            end: next?.time ?? .max,
            offset: current?.offset ?? standardOffset
        )
    }
}

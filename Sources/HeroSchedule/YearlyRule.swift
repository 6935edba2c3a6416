/// A rule by which clocks go on for ever: one offset, or two that take turns each year (POSIX `TZ`, RFC 9636 3.3).
struct YearlyRule: Hashable, Sendable {
    /// A day of each year, and a time of that day.
    struct TransitionRule: Hashable, Sendable {
        /// How the day is found.
        enum Day: Hashable, Sendable {
            /// 1 to 365; the 29th of February is never counted (`J60` is the 1st of March).
            case withoutLeapDay(Int)
            /// 0 to 365; the 29th of February is counted.
            case dayOfYear(Int)
            /// The weekday (0 is Sunday) of a month for the 1st to 4th time, or with 5 for the last.
            case weekday(month: Int, week: Int, weekday: Int)
        }

        /// The day.
        var day: Day
        /// Seconds of local time after its midnight, from -167 to 167 hours.
        var seconds: Int64

        /// Local seconds since 1970 at which it comes in a year.
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

    /// What clocks do in summer.
    struct DaylightSaving: Hashable, Sendable {
        /// Seconds ahead of UTC.
        var offset: Int64
        /// When it begins, on the clocks of standard time.
        var start: TransitionRule
        /// When it ends, on the clocks of summer time.
        var end: TransitionRule
    }

    /// Seconds ahead of UTC.
    var standardOffset: Int64
    /// Nil where nobody changes the clocks.
    var daylightSaving: DaylightSaving?

    /// The time around a moment during which nobody touches the clocks.
    func period(at time: Int64) -> TimeZoneRules.OffsetPeriod {
        guard let daylightSaving else {
            return TimeZoneRules.OffsetPeriod(start: .min, end: .max, offset: standardOffset)
        }
        let year = CalendarDate(day: time.floorDivided(by: 86_400)).year
        // An end that falls on the next start is not seen: that is how summer time for ever is written.
        let turns = ((year &- 2)...(year &+ 2)).flatMap { year in
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
        let current = turns.last { $0.time <= time }
        let next = turns.first { $0.time > time }
        return TimeZoneRules.OffsetPeriod(
            start: current?.time ?? .min,
            end: next?.time ?? .max,
            offset: current?.offset ?? standardOffset
        )
    }
}

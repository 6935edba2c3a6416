/// A date of the proleptic Gregorian calendar.
///
/// The arithmetic is Howard Hinnant's `civil_from_days` with eras of 400 years. It wraps only far beyond supported
/// times.
public struct CalendarDate: Hashable, Sendable {
    /// The year; year 0 precedes year 1.
    public var year: Int64
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int

    /// Makes a date; a day beyond the end of its month counts into the next month.
    public init(year: Int64, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date this number of days after 1970-01-01.
    public init(day number: Int64) {
        let shifted = number &+ 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        month = Int(monthIndex < 10 ? monthIndex + 3 : monthIndex - 9)
        year = yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0)
        day = Int(dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }

    /// Days since 1970-01-01.
    public var dayNumber: Int64 {
        let shifted = month <= 2 ? year &- 1 : year
        let era = shifted.floorDivided(by: 400)
        let yearOfEra = shifted &- era &* 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era &* 146_097 &+ dayOfEra &- 719_468
    }

    /// Whether a year has a 29 February.
    public static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// The number of days in a month.
    public static func days(inMonth month: Int, of year: Int64) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The day of the week of a day since 1970-01-01; 0 is Sunday.
    public static func weekday(ofDay number: Int64) -> Int {
        let shifted = number &+ 4
        return Int(shifted &- shifted.floorDivided(by: 7) &* 7)
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity; the divisor must be positive.
    public func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient &- 1 : quotient
    }
}

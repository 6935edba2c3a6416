/// A cron expression as its author wrote it.
///
/// Five fields: minute, hour, day of month, month, day of week; each a star, numbers, ranges, steps and lists of them,
/// months and weekdays by name too; Sunday is 0 or 7. When both days are given, either is enough (crontab(5)). Also
/// `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`.
public struct CronExpression: Hashable, Sendable, Codable {
    /// As it is written, with one blank between the fields.
    public var text: String

    /// Takes a text that is known to be one.
    public init(text: String) {
        self.text = text
    }

    /// Reads an expression.
    ///
    /// - Throws: What is wrong with it, and where.
    public init(parsing text: String) throws(CronSyntaxError) {
        _ = try CronFields(parsing: text)
        self.text = text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    /// What it means; nil when the text is none after all, so that it never comes.
    public var fields: CronFields? {
        try? CronFields(parsing: text)
    }
}

/// What is wrong with a cron expression.
public struct CronSyntaxError: Error, Hashable, Sendable {
    /// What is wrong and what to do, beginning in lower case.
    public var message: String
    /// How many characters of the text stand before the mistake.
    public var offset: Int

    /// Describes a mistake.
    public init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}

/// What the five fields of a cron expression allow, as sets of numbers.
public struct CronFields: Hashable, Sendable {
    /// 0 to 59.
    public var minutes: NumberSet
    /// 0 to 23.
    public var hours: NumberSet
    /// 1 to 31.
    public var days: NumberSet
    /// 1 to 12.
    public var months: NumberSet
    /// 0 (Sunday) to 6.
    public var weekdays: NumberSet
    /// Whether the hour is a star, with or without a step: it then goes by real time where clocks change.
    public var isEveryHour: Bool
    /// Whether day of month and day of week are both given, so that either is enough.
    public var matchesEitherDay: Bool

    /// Whether it comes on a day, counted from 1970-01-01.
    public func allows(day number: Int64) -> Bool {
        let date = CalendarDate(day: number)
        guard months.contains(date.month) else { return false }
        let byDate = days.contains(date.day)
        let byWeekday = weekdays.contains(CalendarDate.weekday(ofDay: number))
        return matchesEitherDay ? byDate || byWeekday : byDate && byWeekday
    }

    /// The first minute of a day (0 to 1439), not before the given one, at which it comes on a day that it allows.
    public func firstMinuteOfDay(notBefore earliest: Int) -> Int? {
        if hours.contains(earliest / 60), let minute = minutes.first(from: earliest % 60) {
            return earliest / 60 * 60 + minute
        }
        guard let hour = hours.first(from: earliest / 60 + 1), let minute = minutes.first(from: 0) else { return nil }
        return hour * 60 + minute
    }

    /// How many minutes of a day before the given one (0 to 1440) it comes at, on a day that it allows.
    public func countMinutes(before end: Int) -> Int {
        let whole = hours.count(below: end / 60) * minutes.count(below: 60)
        return whole + (hours.contains(end / 60) ? minutes.count(below: end % 60) : 0)
    }
}

/// A set of numbers from 0 to 63.
public struct NumberSet: Hashable, Sendable {
    private var bits: UInt64 = 0

    /// Makes an empty set.
    public init() {}

    /// Whether the number is in it.
    public func contains(_ number: Int) -> Bool {
        (0..<64).contains(number) && bits & (1 << UInt64(number)) != 0
    }

    /// The smallest number in it that is not below the given one.
    public func first(from number: Int) -> Int? {
        guard number < 64 else { return nil }
        let rest = bits >> UInt64(max(0, number))
        return rest == 0 ? nil : max(0, number) + rest.trailingZeroBitCount
    }

    /// How many numbers in it are below the given one.
    public func count(below number: Int) -> Int {
        number >= 64 ? bits.nonzeroBitCount : (bits & ((1 << UInt64(max(0, number))) &- 1)).nonzeroBitCount
    }

    /// Puts a number in; one out of range is left out.
    public mutating func insert(_ number: Int) {
        if (0..<64).contains(number) { bits |= 1 << UInt64(number) }
    }
}

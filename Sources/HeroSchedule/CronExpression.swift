/// A cron expression as written in a manifest.
///
/// The five fields are minute, hour, day of month, month and day of week. A field is a star, a number, a range, a range
/// with a step, or a list of these. Months and weekdays can be names; Sunday is 0 or 7. If both days are given, either
/// of them matches (crontab(5)). `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are aliases.
public struct CronExpression: Hashable, Sendable, Codable {
    /// The text, with one space between the fields.
    public var text: String

    /// Makes an expression from a text that was parsed before.
    public init(text: String) {
        self.text = text
    }

    /// Parses an expression.
    ///
    /// - Throws: The first syntax error.
    public init(parsing text: String) throws(CronSyntaxError) {
        _ = try CronFields(parsing: text)
        self.text = text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    /// The parsed fields; nil if the text is not a cron expression.
    public var fields: CronFields? {
        try? CronFields(parsing: text)
    }
}

/// A syntax error in a cron expression.
public struct CronSyntaxError: Error, Hashable, Sendable {
    /// The problem and its solution, beginning in lower case.
    public var message: String
    /// The position of the error, in characters from the beginning of the text.
    public var offset: Int

    /// Makes an error.
    public init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}

/// The values that the five fields of a cron expression allow.
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
    /// Whether the hour is a star, with or without a step: then every matching local time counts when clocks change.
    public var isEveryHour: Bool
    /// Whether day of month and day of week are both given, so that either of them matches.
    public var matchesEitherDay: Bool

    /// Whether the expression matches a day, given in days since 1970-01-01.
    public func allows(day number: Int64) -> Bool {
        let date = CalendarDate(day: number)
        guard months.contains(date.month) else { return false }
        let byDate = days.contains(date.day)
        let byWeekday = weekdays.contains(CalendarDate.weekday(ofDay: number))
        return matchesEitherDay ? byDate || byWeekday : byDate && byWeekday
    }

    /// The first matching minute (0 to 1439) of a matching day, not before `earliest`.
    public func firstMinuteOfDay(notBefore earliest: Int) -> Int? {
        if hours.contains(earliest / 60), let minute = minutes.first(from: earliest % 60) {
            return earliest / 60 * 60 + minute
        }
        guard let hour = hours.first(from: earliest / 60 + 1), let minute = minutes.first(from: 0) else { return nil }
        return hour * 60 + minute
    }

    /// The number of matching minutes of a matching day before `end` (0 to 1440).
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

    /// Whether the set contains the number.
    public func contains(_ number: Int) -> Bool {
        (0..<64).contains(number) && bits & (1 << UInt64(number)) != 0
    }

    /// The smallest number in the set that is at least `number`.
    public func first(from number: Int) -> Int? {
        guard number < 64 else { return nil }
        let rest = bits >> UInt64(max(0, number))
        return rest == 0 ? nil : max(0, number) + rest.trailingZeroBitCount
    }

    /// The count of numbers in the set that are smaller than `number`.
    public func count(below number: Int) -> Int {
        number >= 64 ? bits.nonzeroBitCount : (bits & ((1 << UInt64(max(0, number))) &- 1)).nonzeroBitCount
    }

    /// Inserts a number; a number out of range is ignored.
    public mutating func insert(_ number: Int) {
        if (0..<64).contains(number) { bits |= 1 << UInt64(number) }
    }
}

extension TimeZoneRules {
    /// Reads a rule in the form of POSIX `TZ`, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    ///
    /// Returns nil if the text is not a rule. A rule with daylight saving time must contain its start and end.
    public init?(posix text: String) {
        guard let rule = YearlyRule(Array(text.utf8)[...]) else { return nil }
        self.init(offset: rule.standardOffset, transitions: [], rule: rule)
    }
}

extension YearlyRule {
    /// Reads a rule with the extensions that RFC 9636 allows in the footer of a file.
    init?(_ text: ArraySlice<UInt8>) {
        var reader = RuleParser(rest: text)
        guard reader.skipName(), let standard = reader.parseTime(upTo: 25) else { return nil }
        standardOffset = 0 &- standard
        daylightSaving = nil
        if reader.rest.isEmpty { return }

        guard reader.skipName() else { return nil }
        var offset = standardOffset &+ 3600
        if reader.rest.first != UInt8(ascii: ",") {
            guard let given = reader.parseTime(upTo: 25) else { return nil }
            offset = 0 &- given
        }
        guard let start = reader.parseTransition(), let end = reader.parseTransition(), reader.rest.isEmpty else {
            return nil
        }
        daylightSaving = DaylightSaving(offset: offset, start: start, end: end)
    }
}

/// Parses the parts of a rule in their order; each function returns nil or false if its part is invalid.
private struct RuleParser {
    var rest: ArraySlice<UInt8>

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Skips a name: at least three letters, or letters, digits and signs in angle brackets.
    mutating func skipName() -> Bool {
        let isQuoted = take("<")
        let letters = rest.prefix { byte in
            let isLetter = (65...90).contains(byte & 0xDF)
            let isMore = (48...57).contains(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            return isLetter || (isQuoted && isMore)
        }
        rest = rest.dropFirst(letters.count)
        return letters.count >= 3 && (!isQuoted || take(">"))
    }

    private mutating func parseNumber(_ range: ClosedRange<Int64>) -> Int64? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...3).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        let value = digits.reduce(Int64(0)) { $0 &* 10 &+ Int64($1 &- 48) }
        return range.contains(value) ? value : nil
    }

    /// Parses `[+-]hh[:mm[:ss]]`, in seconds.
    mutating func parseTime(upTo limit: Int64) -> Int64? {
        let isNegative = take("-")
        if !isNegative { _ = take("+") }
        guard let hours = parseNumber(0...limit) else { return nil }
        var seconds = hours * 3600
        if take(":") {
            guard let minutes = parseNumber(0...59) else { return nil }
            seconds += minutes * 60
            if take(":") {
                guard let more = parseNumber(0...59) else { return nil }
                seconds += more
            }
        }
        return isNegative ? 0 &- seconds : seconds
    }

    /// Parses `,date[/time]`; the default time is 02:00.
    mutating func parseTransition() -> YearlyRule.TransitionRule? {
        guard take(","), let day = parseDay() else { return nil }
        guard take("/") else { return YearlyRule.TransitionRule(day: day, seconds: 7200) }
        return parseTime(upTo: 167).map { YearlyRule.TransitionRule(day: day, seconds: $0) }
    }

    private mutating func parseDay() -> YearlyRule.TransitionRule.Day? {
        if take("J") { return parseNumber(1...365).map { .withoutLeapDay(Int($0)) } }
        guard take("M") else { return parseNumber(0...365).map { .dayOfYear(Int($0)) } }
        guard let month = parseNumber(1...12), take("."), let week = parseNumber(1...5), take("."),
            let weekday = parseNumber(0...6)
        else { return nil }
        return .weekday(month: Int(month), week: Int(week), weekday: Int(weekday))
    }
}

extension CronFields {
    /// Parses five fields, or an alias for five fields.
    ///
    /// - Throws: The first syntax error.
    public init(parsing text: String) throws(CronSyntaxError) {
        let tokens = try Self.fiveTokens(of: text)
        minutes = try CronField.minute.parse(tokens[0])
        hours = try CronField.hour.parse(tokens[1])
        days = try CronField.day.parse(tokens[2])
        months = try CronField.month.parse(tokens[3])
        weekdays = try CronField.weekday.parse(tokens[4])
        isEveryHour = tokens[1].text.hasPrefix("*")
        matchesEitherDay = !tokens[2].text.hasPrefix("*") && !tokens[4].text.hasPrefix("*")
        guard hasMatchingDay else {
            throw CronSyntaxError(
                "this day never occurs: no such month has a day \(tokens[2].text)",
                offset: tokens[2].offset
            )
        }
    }

    /// Whether a matching day exists in any year.
    private var hasMatchingDay: Bool {
        guard !matchesEitherDay, let day = days.first(from: 1) else { return true }
        // In 400 years 29 February falls on each day of the week.
        return (1...12).contains { months.contains($0) && day <= CalendarDate.days(inMonth: $0, of: 2000) }
    }

    private static func fiveTokens(of text: String) throws(CronSyntaxError) -> [Token] {
        let parts = tokens(of: text)
        guard let first = parts.first else {
            throw CronSyntaxError("the cron expression is empty; write five fields, such as `*/5 * * * *`", offset: 0)
        }
        if first.text.hasPrefix("@") {
            guard parts.count == 1 else {
                throw CronSyntaxError(
                    "`\(first.text)` must be the only word; remove the text after it",
                    offset: parts[1].offset
                )
            }
            return Self.tokens(of: try expansion(of: first))
        }
        guard parts.count == 5 else {
            throw CronSyntaxError(
                wrongCountMessage(parts.count),
                offset: parts.count > 5 ? parts[5].offset : text.count
            )
        }
        return parts
    }

    private static func wrongCountMessage(_ count: Int) -> String {
        let given = count == 1 ? "there is one field" : "there are \(count) fields"
        return given + "; write five: minute, hour, day of month, month and day of week"
            + (count == 6 ? " (seconds and years are not available)" : "")
    }

    private static func expansion(of token: Token) throws(CronSyntaxError) -> String {
        let name = token.text.lowercased()
        switch name {
        case "@hourly": return "0 * * * *"
        case "@daily", "@midnight": return "0 0 * * *"
        case "@weekly": return "0 0 * * 0"
        case "@monthly": return "0 0 1 * *"
        case "@yearly", "@annually": return "0 0 1 1 *"
        case "@reboot":
            throw CronSyntaxError("`@reboot` is not available; use `run_on: apply`, or a service", offset: token.offset)
        default:
            throw CronSyntaxError(
                "`\(token.text)` is not a schedule name; use @hourly, @daily, @weekly, @monthly or @yearly",
                offset: token.offset
            )
        }
    }

    /// A part of the text and its position in characters.
    fileprivate struct Token {
        var text: Substring
        var offset: Int

        /// The parts between separators, including empty parts.
        func split(where isSeparator: (Character) -> Bool) -> [Token] {
            var offset = offset
            return text.split(omittingEmptySubsequences: false, whereSeparator: isSeparator).map { part in
                defer { offset += part.count + 1 }
                return Token(text: part, offset: offset)
            }
        }
    }

    private static func tokens(of text: String) -> [Token] {
        Token(text: text[...], offset: 0).split { $0 == " " || $0 == "\t" }.filter { !$0.text.isEmpty }
    }
}

/// One of the five fields.
private enum CronField {
    case minute
    case hour
    case day
    case month
    case weekday

    var title: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day of month"
        case .month: "month"
        case .weekday: "day of week"
        }
    }

    var range: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .month: 1...12
        case .weekday: 0...7
        }
    }

    /// The names of the numbers, beginning with the first number of the range.
    var names: [String] {
        switch self {
        case .minute, .hour, .day: []
        case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        case .weekday: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        }
    }

    /// Parses the field: a list of items.
    func parse(_ token: CronFields.Token) throws(CronSyntaxError) -> NumberSet {
        var set = NumberSet()
        for item in token.split(where: { $0 == "," }) {
            let (range, step) = try parseItem(item)
            for number in stride(from: range.lowerBound, through: range.upperBound, by: step) {
                set.insert(self == .weekday && number == 7 ? 0 : number)
            }
        }
        return set
    }

    /// Parses one item of a list: a star, a number or a range, and an optional step.
    private func parseItem(_ item: CronFields.Token) throws(CronSyntaxError) -> (range: ClosedRange<Int>, step: Int) {
        let parts = item.split(where: { $0 == "/" })
        guard parts.count <= 2 else { throw CronSyntaxError("there are two steps; write one", offset: parts[2].offset) }
        let range = try parseRange(parts[0])
        guard parts.count == 2 else { return (range.bounds, 1) }
        guard range.isSpan else {
            throw CronSyntaxError(
                "a step needs a range: write `\(range.bounds.lowerBound)-\(self.range.upperBound)/\(parts[1].text)`",
                offset: item.offset
            )
        }
        guard let step = Self.parseNumber(parts[1].text), step > 0 else {
            throw CronSyntaxError("`\(parts[1].text)` is not a step; write a number from 1", offset: parts[1].offset)
        }
        return (range.bounds, step)
    }

    /// Parses a star, a number or a range.
    private func parseRange(_ token: CronFields.Token) throws(CronSyntaxError) -> (
        bounds: ClosedRange<Int>, isSpan: Bool
    ) {
        if token.text == "*" { return (self == .weekday ? 0...6 : range, true) }
        let ends = token.split(where: { $0 == "-" })
        guard ends.count <= 2 else {
            throw CronSyntaxError("`\(token.text)` is not a range; write two numbers", offset: token.offset)
        }
        let first = try parseValue(ends[0])
        guard ends.count == 2 else { return (first...first, false) }
        var last = try parseValue(ends[1])
        // Sunday can also be the last day of a range.
        if self == .weekday, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            let lastNumber = self == .weekday ? 6 : range.upperBound
            throw CronSyntaxError(
                "the range `\(token.text)` ends before it begins; write two: "
                    + "`\(ends[0].text)-\(lastNumber),\(range.lowerBound)-\(ends[1].text)`",
                offset: token.offset
            )
        }
        return (first...last, true)
    }

    private func parseValue(_ token: CronFields.Token) throws(CronSyntaxError) -> Int {
        if let index = names.firstIndex(of: token.text.lowercased()) { return range.lowerBound + index }
        if let number = Self.parseNumber(token.text), range.contains(number) { return number }
        throw CronSyntaxError(invalidValueMessage(token.text), offset: token.offset)
    }

    private func invalidValueMessage(_ text: Substring) -> String {
        guard !text.isEmpty else { return "a number is missing in the \(title)" }
        let rest = text.uppercased().filter { !("0"..."9").contains($0) }
        if ["L", "W", "LW"].contains(rest) || rest.contains("#") || rest == "?" {
            return "`\(text)` is not available in the \(title): L, W, # and ? are extensions of other programs"
        }
        let also = names.isEmpty ? "" : " or a name from \(names[0]) to \(names[names.count - 1])"
        return
            "`\(text)` is not a valid \(title); write a number from \(range.lowerBound) to \(range.upperBound)\(also)"
    }

    /// Parses a number of decimal digits.
    private static func parseNumber(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

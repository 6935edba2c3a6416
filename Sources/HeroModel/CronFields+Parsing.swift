extension CronFields {
    /// Reads five fields or one of the names that stand for five.
    ///
    /// - Throws: What is wrong, and where.
    public init(parsing text: String) throws(CronMistake) {
        let words = try Self.fiveWords(of: text)
        minutes = try CronField.minute.parse(words[0])
        hours = try CronField.hour.parse(words[1])
        days = try CronField.day.parse(words[2])
        months = try CronField.month.parse(words[3])
        weekdays = try CronField.weekday.parse(words[4])
        isEveryHour = words[1].text.hasPrefix("*")
        eitherDay = !words[2].text.hasPrefix("*") && !words[4].text.hasPrefix("*")
        guard everComes else {
            throw CronMistake(
                "this day never comes: no such month has a day \(words[2].text)",
                offset: words[2].offset
            )
        }
    }

    /// Whether there is a day in any year that it allows.
    private var everComes: Bool {
        guard !eitherDay, let day = days.first(from: 1) else { return true }
        // The 29th of February falls on each day of the week in 400 years.
        return (1...12).contains { months.contains($0) && day <= CalendarDate.days(inMonth: $0, of: 2000) }
    }

    private static func fiveWords(of text: String) throws(CronMistake) -> [Word] {
        let words = words(of: text)
        guard let first = words.first else {
            throw CronMistake("there is no cron expression; write five fields, such as `*/5 * * * *`", offset: 0)
        }
        if first.text.hasPrefix("@") {
            guard words.count == 1 else {
                throw CronMistake("`\(first.text)` stands alone; remove what follows it", offset: words[1].offset)
            }
            return Self.words(of: try meaning(of: first))
        }
        guard words.count == 5 else {
            throw CronMistake(wrongCount(words.count), offset: words.count > 5 ? words[5].offset : text.count)
        }
        return words
    }

    private static func wrongCount(_ count: Int) -> String {
        let given = count == 1 ? "there is one field" : "there are \(count) fields"
        return given + "; write five: minute, hour, day of month, month and day of week"
            + (count == 6 ? " (seconds and years are not available)" : "")
    }

    private static func meaning(of word: Word) throws(CronMistake) -> String {
        let name = word.text.lowercased()
        switch name {
        case "@hourly": return "0 * * * *"
        case "@daily", "@midnight": return "0 0 * * *"
        case "@weekly": return "0 0 * * 0"
        case "@monthly": return "0 0 1 * *"
        case "@yearly", "@annually": return "0 0 1 1 *"
        case "@reboot":
            throw CronMistake("`@reboot` is not available; use `run_on: apply`, or a service", offset: word.offset)
        default:
            throw CronMistake(
                "`\(word.text)` is no name of a schedule; use @hourly, @daily, @weekly, @monthly or @yearly",
                offset: word.offset
            )
        }
    }

    /// A part of the text, and how many characters stand before it.
    fileprivate struct Word {
        var text: Substring
        var offset: Int

        /// The parts between separators, also empty ones.
        func split(where isSeparator: (Character) -> Bool) -> [Word] {
            var offset = offset
            return text.split(omittingEmptySubsequences: false, whereSeparator: isSeparator).map { part in
                defer { offset += part.count + 1 }
                return Word(text: part, offset: offset)
            }
        }
    }

    private static func words(of text: String) -> [Word] {
        Word(text: text[...], offset: 0).split { $0 == " " || $0 == "\t" }.filter { !$0.text.isEmpty }
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

    /// The names of numbers, the first one for the first number of the range.
    var names: [String] {
        switch self {
        case .minute, .hour, .day: []
        case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        case .weekday: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        }
    }

    /// What the field allows.
    func parse(_ word: CronFields.Word) throws(CronMistake) -> NumberSet {
        var set = NumberSet()
        for item in word.split(where: { $0 == "," }) {
            let (range, step) = try span(item)
            for number in stride(from: range.lowerBound, through: range.upperBound, by: step) {
                set.insert(self == .weekday && number == 7 ? 0 : number)
            }
        }
        return set
    }

    /// One item of a list: a star, a number or a range, and its step.
    private func span(_ item: CronFields.Word) throws(CronMistake) -> (range: ClosedRange<Int>, step: Int) {
        let parts = item.split(where: { $0 == "/" })
        guard parts.count <= 2 else { throw CronMistake("there are two steps; write one", offset: parts[2].offset) }
        let range = try extent(parts[0])
        guard parts.count == 2 else { return (range.bounds, 1) }
        guard range.isSpan else {
            throw CronMistake(
                "a step needs a range: write `\(range.bounds.lowerBound)-\(self.range.upperBound)/\(parts[1].text)`",
                offset: item.offset
            )
        }
        guard let step = Self.number(parts[1].text), step > 0 else {
            throw CronMistake("`\(parts[1].text)` is no step; write a number from 1", offset: parts[1].offset)
        }
        return (range.bounds, step)
    }

    /// A star, a number or a range.
    private func extent(_ word: CronFields.Word) throws(CronMistake) -> (bounds: ClosedRange<Int>, isSpan: Bool) {
        if word.text == "*" { return (self == .weekday ? 0...6 : range, true) }
        let ends = word.split(where: { $0 == "-" })
        guard ends.count <= 2 else {
            throw CronMistake("`\(word.text)` is no range; write two numbers", offset: word.offset)
        }
        let first = try value(ends[0])
        guard ends.count == 2 else { return (first...first, false) }
        var last = try value(ends[1])
        // Sunday ends a week as well as it begins one.
        if self == .weekday, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            throw CronMistake(
                "the range `\(word.text)` ends before it begins; write two: "
                    + "`\(ends[0].text)-\(range.upperBound == 7 ? 6 : range.upperBound),\(range.lowerBound)-\(ends[1].text)`",
                offset: word.offset
            )
        }
        return (first...last, true)
    }

    private func value(_ word: CronFields.Word) throws(CronMistake) -> Int {
        if let index = names.firstIndex(of: word.text.lowercased()) { return range.lowerBound + index }
        if let number = Self.number(word.text), range.contains(number) { return number }
        throw CronMistake(complaint(word.text), offset: word.offset)
    }

    private func complaint(_ text: Substring) -> String {
        guard !text.isEmpty else { return "a number is missing in the \(title)" }
        let rest = text.uppercased().filter { !("0"..."9").contains($0) }
        if ["L", "W", "LW"].contains(rest) || rest.contains("#") || rest == "?" {
            return "`\(text)` is not available in the \(title): L, W, # and ? are extensions of other programs"
        }
        let also = names.isEmpty ? "" : " or a name from \(names[0]) to \(names[names.count - 1])"
        return "`\(text)` is no \(title); write a number from \(range.lowerBound) to \(range.upperBound)\(also)"
    }

    /// A number of decimal digits.
    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

internal import HeroSchedule

/// A calendar expression of systemd as a cron expression.
struct SystemdCalendar {
    /// The cron expression.
    var cron: String
    /// The time zone, if the expression names one.
    var zone: String?
    /// Whether the seconds were dropped.
    var dropsSeconds = false

    private static let shorthands = [
        "minutely": "* * * * *", "hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1",
        "monthly": "0 0 1 * *", "yearly": "0 0 1 1 *", "annually": "0 0 1 1 *", "quarterly": "0 0 1 1,4,7,10 *",
        "semiannually": "0 0 1 1,7 *",
    ]
    private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    /// Converts an expression; nil if cron cannot express it.
    init?(_ text: String) {
        var words = text.split(separator: " ").map(String.init)
        if let last = words.last,
            last == "UTC" || last.contains("/") && !last.contains(":") && last.first?.isLetter == true
        {
            zone = last
            words.removeLast()
        }
        if words.count == 1, let cron = Self.shorthands[words[0].lowercased()] {
            self.cron = cron
            return
        }
        var weekday = "*"
        var (month, day) = ("*", "*")
        var (hour, minute) = ("0", "0")
        guard !words.isEmpty, words.count <= 3 else { return nil }
        for word in words {
            if word.first?.isLetter == true {
                guard weekday == "*", let days = Self.days(word) else { return nil }
                weekday = days
            } else if word.contains(":") {
                let parts = word.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2 || parts.count == 3, let hours = Self.field(parts[0], 23),
                    let minutes = Self.field(parts[1], 59)
                else { return nil }
                (hour, minute) = (hours, minutes)
                if parts.count == 3, parts[2] != "00", parts[2] != "0" {
                    guard parts[2].wholeNumber != nil else { return nil }
                    dropsSeconds = true
                }
            } else {
                let parts = word.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2 || (parts.count == 3 && parts[0] == "*"),
                    let months = Self.field(parts[parts.count - 2], 12),
                    let days = Self.field(parts[parts.count - 1], 31)
                else { return nil }
                (month, day) = (months, days)
            }
        }
        // cron joins both with "or", systemd with "and".
        guard weekday == "*" || day == "*" else { return nil }
        cron = "\(minute) \(hour) \(day) \(month) \(weekday)"
        guard (try? CronExpression(parsing: cron)) != nil else { return nil }
    }

    /// Converts one field: `*`, numbers, lists, `a..b` and `a/n`.
    private static func field(_ text: String, _ maximum: Int) -> String? {
        var items: [String] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard (1...2).contains(parts.count), let base = range(parts[0]) else { return nil }
            guard parts.count == 2 else {
                items.append(base)
                continue
            }
            guard let step = parts[1].wholeNumber, step > 0 else { return nil }
            if base == "*" || base == "0" {
                items.append("*/\(step)")
            } else {
                items.append(base.contains("-") ? "\(base)/\(step)" : "\(base)-\(maximum)/\(step)")
            }
        }
        return items.joined(separator: ",")
    }

    private static func range(_ text: String) -> String? {
        if text == "*" { return "*" }
        let numbers = text.replacing("..", with: "\u{1}").split(separator: "\u{1}").map { String($0).wholeNumber }
        guard (1...2).contains(numbers.count) else { return nil }
        let valid = numbers.compactMap(\.self)
        return valid.count == numbers.count ? valid.map(String.init).joined(separator: "-") : nil
    }

    private static func days(_ text: String) -> String? {
        var items: [String] = []
        for item in text.split(separator: ",") {
            let ends = item.replacing("..", with: "-").split(separator: "-").map { String($0.prefix(3)).lowercased() }
            let numbers = ends.compactMap { weekdays.firstIndex(of: $0) }
            guard numbers.count == ends.count, (1...2).contains(numbers.count) else { return nil }
            if numbers.count == 2 {
                // Sunday is the last day of a range, and 7 in cron.
                let end = numbers[1] == 0 ? 7 : numbers[1]
                items.append("\(numbers[0])-\(end)")
            } else {
                items.append(String(numbers[0]))
            }
        }
        return items.joined(separator: ",")
    }
}

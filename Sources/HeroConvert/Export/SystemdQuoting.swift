internal import HeroModel
internal import HeroSchedule

/// Texts in the notation of unit files.
enum SystemdQuoting {
    /// Returns an argument of a command: specifiers and variables are text.
    static func argument(_ text: String) -> String {
        quoted(text.replacing("$", with: "$$"))
    }

    /// Returns a value that is one word, with specifiers as text.
    static func quoted(_ text: String) -> String {
        let escaped = text.replacing("%", with: "%%")
        let isPlain =
            !escaped.isEmpty
            && escaped.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "_-./:=,@%+$".utf8.contains(byte)
            }
        if isPlain { return escaped }
        var result = "\""
        for scalar in escaped.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case let other where other.value < 32 || other.value == 127:
                let digits = String(other.value, radix: 16)
                result += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Returns a text of one line without specifiers.
    static func line(_ text: String) -> String {
        let line = text.split { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }.joined(separator: " ")
        // A backslash at the end would continue the line.
        return line.replacing("%", with: "%%").replacing("\\", with: "/")
    }

    /// Returns a path as a value.
    static func path(_ path: String) -> String { line(path) }

    /// Returns a time span.
    static func duration(_ duration: Duration) -> String {
        let parts = duration.components
        let milliseconds = parts.attoseconds / 1_000_000_000_000_000
        return milliseconds == 0 ? "\(parts.seconds)s" : "\(parts.seconds)s \(milliseconds)ms"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// Returns the calendar expressions of a cron expression: two if both the day of the month and the weekday are
    /// restricted, because cron joins them with "or".
    static func calendars(of cron: String) -> [String] {
        let fields = cron.split(separator: " ").map(String.init)
        guard fields.count == 5 else { return [] }
        let time = "\(field(fields[1], 0)):\(field(fields[0], 0)):00"
        let month = field(fields[3].lowercased(), 1)
        let day = field(fields[2], 1)
        let week = weekday(fields[4])
        if let week, fields[2] != "*" {
            return ["*-\(month)-\(day) \(time)", "\(week) *-\(month)-* \(time)"]
        }
        return [(week.map { $0 + " " } ?? "") + "*-\(month)-\(day) \(time)"]
    }

    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    private static func field(_ text: String, _ minimum: Int) -> String {
        text.split(separator: ",").map { item in
            let parts = item.split(separator: "/", maxSplits: 1).map(String.init)
            let ends = (parts.first ?? "*").split(separator: "-").map { end in
                months.firstIndex(of: String(end)).map { String($0 + 1) } ?? String(end)
            }
            let base = ends.joined(separator: "..")
            guard parts.count == 2 else { return base }
            return base == "*" ? "\(minimum)/\(parts[1])" : "\(base)/\(parts[1])"
        }.joined(separator: ",")
    }

    /// Returns the names of the weekdays; nil for every day.
    private static func weekday(_ text: String) -> String? {
        guard text != "*", let fields = try? CronFields(parsing: "0 0 * * \(text)") else { return nil }
        // 1970-01-04, day 3, was a Sunday.
        let days = (0..<7).filter { fields.allows(day: Int64(3 + $0)) }
        return days.count == 7 ? nil : days.map { weekdays[$0] }.joined(separator: ",")
    }
}

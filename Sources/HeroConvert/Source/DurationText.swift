/// Durations in the notation of manifests.
enum DurationText {
    /// The longest duration in milliseconds that a manifest can have.
    static let maxMilliseconds = 36_500 * 86_400_000

    /// Returns `90s`, `5m` or `250ms`; the largest unit that is exact.
    static func text(milliseconds: Int) -> String {
        let value = min(max(milliseconds, 0), maxMilliseconds)
        if value == 0 { return "0s" }
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where value % size == 0 {
            return "\(value / size)\(unit)"
        }
        return "\(value)ms"
    }

    /// Parses numbers with units, such as `1min 30s`; a bare number is seconds.
    ///
    /// - Returns: milliseconds; nil if the text has another form or is too large.
    static func milliseconds(_ text: String, units: [String: Int], bareUnit: Int = 1000) -> Int? {
        var rest = text.trimmed[...]
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
            guard !digits.isEmpty, digits.utf8.count <= 18, let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
            let unit = rest.prefix { $0.isLetter || $0 == "µ" }
            rest = rest.dropFirst(unit.count).drop { $0 == " " }
            guard let size = unit.isEmpty ? bareUnit * 1000 : units[String(unit)] else { return nil }
            total += number * Double(size)
        }
        let result = total / 1000
        guard result.isFinite, result <= Double(maxMilliseconds) else { return nil }
        // A shorter time than a manifest can have becomes the shortest one.
        return result > 0 && result < 1 ? 1 : Int(result)
    }

    /// The units of systemd, in microseconds (systemd.time(7)).
    static let systemdUnits: [String: Int] = {
        var result: [String: Int] = [:]
        for (names, size) in [
            ("us usec µs", 1), ("ms msec", 1000), ("s sec second seconds", 1_000_000),
            ("m min minute minutes", 60_000_000), ("h hr hour hours", 3_600_000_000),
            ("d day days", 86_400_000_000), ("w week weeks", 604_800_000_000),
            ("M month months", 2_629_800_000_000), ("y year years", 31_557_600_000_000),
        ] {
            for name in names.split(separator: " ") { result[String(name)] = size }
        }
        return result
    }()

    /// The units of Go, in microseconds.
    static let goUnits = ["ns": 0, "us": 1, "µs": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000]
}

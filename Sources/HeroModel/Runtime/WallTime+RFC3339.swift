import HeroSchedule

extension WallTime {
    /// Parses a time of RFC 3339 with any offset: `2026-12-24T18:00:00+01:00`.
    ///
    /// - Returns: nil if the text has another form, or is a date that does not exist.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        func digits(_ start: Int, _ count: Int) -> Int? {
            guard start + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[start..<(start + count)] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        func has(_ character: Unicode.Scalar, at index: Int) -> Bool {
            index < bytes.count && bytes[index] == UInt8(ascii: character)
        }
        guard let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2), has("-", at: 4),
            has("-", at: 7), has("T", at: 10) || has("t", at: 10), let hour = digits(11, 2),
            let minute = digits(14, 2), let second = digits(17, 2), has(":", at: 13), has(":", at: 16),
            (1...12).contains(month), (1...CalendarDate.days(inMonth: month, of: Int64(year))).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var position = 19
        var fraction: Int64 = 0
        if has(".", at: position) {
            var unit: Int64 = 100_000
            position += 1
            let first = position
            while let digit = digits(position, 1) {
                fraction += Int64(digit) * unit
                unit /= 10
                position += 1
            }
            guard position > first else { return nil }
        }
        var offset = 0
        if has("Z", at: position) || has("z", at: position) {
            position += 1
        } else {
            guard has("+", at: position) || has("-", at: position), has(":", at: position + 3),
                let hours = digits(position + 1, 2), let minutes = digits(position + 4, 2), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (has("-", at: position) ? -1 : 1)
            position += 6
        }
        guard position == bytes.count else { return nil }
        let days = CalendarDate(year: Int64(year), month: month, day: day).dayNumber
        let minutes = days * 1440 + Int64(hour * 60 + minute - offset)
        self.init(microseconds: (minutes * 60 + Int64(second)) * 1_000_000 + fraction)
    }

    /// RFC 3339 in UTC; whole seconds are written without a fraction: `2026-12-24T17:00:00Z`.
    public var rfc3339Text: String {
        let text = description
        guard text.hasSuffix(".000000Z") else { return text }
        return text.dropLast(8) + "Z"
    }
}

extension WallTime {
    /// With a resolution of seconds and without the `T`: `2026-11-21 13:34:58Z`.
    public var textToSecond: String {
        let text = description
        guard text.utf8.count >= 20, let cut = text.firstIndex(of: "."), let letter = text.firstIndex(of: "T") else {
            return text
        }
        return "\(text[..<letter]) \(text[text.index(after: letter)..<cut])Z"
    }
}

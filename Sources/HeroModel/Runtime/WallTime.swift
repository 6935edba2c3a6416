import HeroSchedule

/// A time of the wall clock (CLOCK_REALTIME), in microseconds since 1970 in UTC.
///
/// For display and schedules, never for deadlines.
public struct WallTime: Hashable, Comparable, Sendable, Codable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var microseconds: Int64

    /// Makes a time from microseconds since 1970.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Earlier or later.
    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }
}

extension WallTime: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds: `2026-11-21T13:34:58.123456Z`.
    public var description: String {
        let day = microseconds.floorDivided(by: 86_400_000_000)
        let ofDay = microseconds &- day &* 86_400_000_000
        let date = CalendarDate(day: day)
        let seconds = ofDay / 1_000_000
        // Every row and every event contains a time, so this code creates no intermediate strings.
        var text: [UInt8] = []
        text.reserveCapacity(27)
        if date.year < 0 { text.append(UInt8(ascii: "-")) }
        Self.append(date.year, 4, then: "-", to: &text)
        Self.append(Int64(date.month), 2, then: "-", to: &text)
        Self.append(Int64(date.day), 2, then: "T", to: &text)
        Self.append(seconds / 3600, 2, then: ":", to: &text)
        Self.append(seconds / 60 % 60, 2, then: ":", to: &text)
        Self.append(seconds % 60, 2, then: ".", to: &text)
        Self.append(ofDay % 1_000_000, 6, then: "Z", to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Parses the format of `description`, with any number of fractional digits.
    ///
    /// - Returns: nil if the text is not RFC 3339 in UTC (`Z`).
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for index in range {
                guard index < bytes.count, (48...57).contains(bytes[index]) else { return nil }
                value = value &* 10 &+ Int64(bytes[index] &- 48)
            }
            return value
        }
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var fraction: Int64 = 0
        if bytes[19] == UInt8(ascii: ".") {
            var digits = 0
            for byte in bytes[20..<(bytes.count - 1)] {
                guard (48...57).contains(byte) else { return nil }
                if digits < 6 {
                    fraction = fraction &* 10 &+ Int64(byte &- 48)
                    digits += 1
                }
            }
            while digits < 6 {
                fraction = fraction &* 10
                digits += 1
            }
        } else if bytes.count != 20 {
            return nil
        }
        let days = CalendarDate(year: year, month: Int(month), day: Int(day)).dayNumber
        let wholeSeconds = days &* 86_400 &+ hour &* 3600 &+ minute &* 60 &+ second
        self.init(microseconds: wholeSeconds &* 1_000_000 &+ fraction)
    }

    /// Appends a number with at least this many digits, and a separator.
    private static func append(_ value: Int64, _ width: Int, then mark: Unicode.Scalar, to text: inout [UInt8]) {
        let first = text.count
        var rest = value.magnitude
        while rest > 0 || text.count - first < width {
            text.append(48 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        text[first...].reverse()
        text.append(UInt8(ascii: mark))
    }
}

import CHeroShim

/// The prefix of every log line: `2026-11-21T13:45:23.123456789Z stdout F `.
///
/// It always has 40 bytes, so the length of the line itself follows from the length of the stored line.
struct LinePrefix {
    static let length = 40
    private static let tagOffset = 38

    private let bytes: UnsafeMutablePointer<CChar>
    /// The second for which date and time are written.
    private var second = Int64.min

    init(at bytes: UnsafeMutablePointer<CChar>) {
        self.bytes = bytes
        write("0000-00-00T00:00:00.000000000Z stdout F ", at: 0)
    }

    /// Sets the time (CLOCK_REALTIME, ns since 1970) and the stream.
    mutating func set(_ time: Int64, stream: StaticString) {
        let time = max(0, time)
        if time / 1_000_000_000 != second {
            second = time / 1_000_000_000
            writeSecond()
        }
        writeDigits(time % 1_000_000_000, count: 9, at: 20)
        write(stream, at: 31)
    }

    /// Copies the prefix, with the tag of a whole line (`F`) or of a part (`P`).
    @inline(__always)
    func copy(to target: UnsafeMutablePointer<CChar>, isFull: Bool) {
        shim_copy(target, bytes, LinePrefix.length)
        target[LinePrefix.tagOffset] = isFull ? 0x46 : 0x50
    }

    /// Whether a stored line is a whole line, so that its newline was written by the service.
    static func isFullLine(_ line: UnsafePointer<CChar>) -> Bool {
        line[tagOffset] == 0x46
    }

    private func writeSecond() {
        let (year, month, day) = date(ofDay: second / 86400)
        let ofDay = second % 86400
        writeDigits(year, count: 4, at: 0)
        writeDigits(month, count: 2, at: 5)
        writeDigits(day, count: 2, at: 8)
        writeDigits(ofDay / 3600, count: 2, at: 11)
        writeDigits(ofDay / 60 % 60, count: 2, at: 14)
        writeDigits(ofDay % 60, count: 2, at: 17)
    }

    /// The Gregorian date of a day counted from 1970-01-01, calculated with eras of 400 years and years that start in
    /// March.
    private func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day &+ 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * ofYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private func writeDigits(_ number: Int64, count: Int, at offset: Int) {
        var left = number
        var index = offset + count
        while index > offset {
            index -= 1
            bytes[index] = CChar(truncatingIfNeeded: 0x30 + left % 10)
            left /= 10
        }
    }

    private func write(_ text: StaticString, at offset: Int) {
        text.withUTF8Buffer { source in
            for index in 0..<source.count { bytes[offset + index] = CChar(truncatingIfNeeded: source[index]) }
        }
    }
}

/// Parses the texts of scalars by the core schema of YAML 1.2, for the type that the key requires.
enum Scalars {
    /// Whether a plain scalar is a string in the core schema, and not null, a bool or a number.
    static func isPlainText(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return false }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            return decimal(text) == nil && number(text) == nil
        case UInt8(ascii: "~"), UInt8(ascii: "n"), UInt8(ascii: "N"):
            return !["~", "null", "Null", "NULL"].contains(text)
        case UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "f"), UInt8(ascii: "F"):
            return !["true", "True", "TRUE", "false", "False", "FALSE"].contains(text)
        default:
            return true
        }
    }

    /// Parses a decimal integer: an optional `-` and digits without a leading zero.
    ///
    /// Octal, hexadecimal and sexagesimal numbers, `_` and `+` are refused, so that `0755` never becomes 493.
    static func decimal(_ text: String) -> Int? {
        var digits = Substring(text)
        if digits.utf8.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
        guard isDigits(digits.utf8), digits.utf8.first != UInt8(ascii: "0") || digits.utf8.count == 1 else {
            return nil
        }
        return Int(text)
    }

    /// Whether the text has the form of a decimal integer of any size.
    static func isDecimalInteger(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : Substring(text)
        return isDigits(digits.utf8)
    }

    /// Parses a number with an optional fraction; exponents, infinity and not-a-number are refused.
    static func number(_ text: String) -> Double? {
        var rest = Substring(text)
        if rest.utf8.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ isDigits($0.utf8) }), rest.utf8.count <= 32 else { return nil }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The error of a quantity with a unit.
    enum QuantityError: Error {
        /// Not a whole number followed by a known unit.
        case malformed
        /// A number without a unit.
        case unitMissing
        /// More than the maximum.
        case tooLarge
    }

    /// The longest duration in milliseconds: a hundred years, so that no deadline can overflow the clock.
    static let maxDurationMilliseconds: Int64 = 36_500 * 86_400_000

    /// Parses `250ms`, `3s`, `10m`, `2h` or `7d`.
    static func duration(_ text: String) throws(QuantityError) -> Duration {
        .milliseconds(try quantity(text, durationUnits, max: maxDurationMilliseconds))
    }

    /// Parses `512B`, `64KiB`, `10MiB`, `1GiB`, `64KB`, `10MB` or `1GB`; returns bytes.
    static func size(_ text: String) throws(QuantityError) -> Int64 {
        try quantity(text, sizeUnits, max: .max)
    }

    /// The units of durations, in milliseconds.
    private static let durationUnits: [(name: String, size: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// The units of sizes, in bytes.
    private static let sizeUnits: [(name: String, size: Int64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ]

    private static func quantity(
        _ text: String,
        _ units: [(name: String, size: Int64)],
        max: Int64
    ) throws(QuantityError) -> Int64 {
        let digits = text.utf8.prefix { (48...57).contains($0) }
        guard !digits.isEmpty else { throw .malformed }
        guard digits.endIndex != text.endIndex else { throw .unitMissing }
        let unit = String(text[digits.endIndex...])
        guard let size = units.first(where: { $0.name == unit })?.size else { throw .malformed }
        var product: Int64 = 0
        for digit in digits {
            let (tens, overflow) = product.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(Int64(digit) - 48)
            guard !overflow, !carried else { throw .tooLarge }
            product = sum
        }
        let (result, overflow) = product.multipliedReportingOverflow(by: size)
        guard !overflow, result <= max else { throw .tooLarge }
        return result
    }

    private static func isDigits(_ bytes: Substring.UTF8View) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { (48...57).contains($0) }
    }
}

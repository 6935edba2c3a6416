/// Formats values in canonical form.
public enum Canonical {
    /// The items, separated by spaces.
    public static func list(_ items: [String]) -> String {
        items.map(quotedIfNeeded).joined(separator: " ")
    }

    /// The environment files, separated by spaces.
    static func environmentFiles(_ files: [EnvironmentFileReference]) -> String {
        files.map(\.canonical).joined(separator: " ")
    }

    /// The requirements, separated by spaces.
    static func requirements(_ requirements: [Requirement]) -> String {
        requirements.map(\.canonical).joined(separator: " ")
    }

    /// The text as it is if it is one plain word, otherwise quoted with escapes.
    public static func quotedIfNeeded(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        return isPlain ? text : quoted(text)
    }

    /// The text in double quotes, with escaped control characters, or with those that `mustEscape` selects.
    public static func quoted(
        _ text: String,
        escaping mustEscape: (Unicode.Scalar) -> Bool = { $0.value < 32 || $0.value == 127 }
    ) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case let other where mustEscape(other):
                let digits = String(other.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// A duration in the largest unit without a fraction: `250ms`, `3s`, `10m`, `2h`, `7d`.
    public static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        let units: [(name: String, size: Int64)] = [
            ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
        ]
        guard milliseconds != 0 else { return "0s" }
        for unit in units where milliseconds % unit.size == 0 {
            return "\(milliseconds / unit.size)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }

    /// A size in the largest binary unit without a fraction: `512B`, `64KiB`, `10MiB`, `1GiB`.
    public static func size(_ bytes: Int64) -> String {
        let units: [(name: String, size: Int64)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for unit in units where bytes != 0 && bytes % unit.size == 0 {
            return "\(bytes / unit.size)\(unit.name)"
        }
        return "\(bytes)B"
    }

    /// A number without an unnecessary fraction: `2`, `1.5`.
    public static func number(_ number: Double) -> String {
        if let whole = Int64(exactly: number) { return String(whole) }
        return String(number)
    }
}

/// What changing a field's value asks of a running service.
public enum CostOfChange: Int, Hashable, Comparable, Sendable, Codable, CaseIterable {
    /// Nothing: only words changed.
    case none
    /// It takes effect while everything runs on.
    case inPlace
    /// The service must be stopped and started.
    case restart

    /// Cheaper or dearer.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension CostOfChange: CustomStringConvertible {
    /// The words of plans and reference pages.
    public var description: String {
        switch self {
        case .none: "none"
        case .inPlace: "in place"
        case .restart: "restart"
        }
    }
}

/// One key of a manifest kind: its name, what it means, its default, and what changing it costs.
///
/// Diffs, their costs and the reference pages are derived from tables of these, so that no field can be forgotten.
public struct Field<Subject>: Sendable {
    /// A field's value in canonical form: equal values are equal texts.
    public enum Value: Hashable, Sendable {
        /// The default.
        case byDefault
        /// One text.
        case text(String)
        /// One text per name; each is a field of its own, `key.name`.
        case map([String: String])
    }

    /// The key as manifests write it.
    public let key: String
    /// The type in the words of the contract, such as `duration`.
    public let type: String
    /// The default in the words of a manifest; empty where there is none.
    public let defaultText: String
    /// What changing it costs.
    public let cost: CostOfChange
    /// One sentence on what it means.
    public let summary: String
    /// The value of a subject, canonical.
    public let value: @Sendable (Subject) -> Value

    /// Describes a field.
    public init(
        _ key: String,
        _ type: String,
        default defaultText: String = "",
        cost: CostOfChange,
        _ summary: String,
        value: @escaping @Sendable (Subject) -> Value
    ) {
        self.key = key
        self.type = type
        self.defaultText = defaultText
        self.cost = cost
        self.summary = summary
        self.value = value
    }
}

extension Field.Value {
    /// The default, or a text.
    static func unless(_ isDefault: Bool, _ text: @autoclosure () -> String) -> Self {
        isDefault ? .byDefault : .text(text())
    }

    /// The default when empty, or the items with a blank between; quoted where that could be misread.
    static func list(_ items: [String]) -> Self {
        items.isEmpty ? .byDefault : .text(Canonical.list(items))
    }
}

/// How values are written in canonical form.
public enum Canonical {
    /// Items with a blank between.
    public static func list(_ items: [String]) -> String {
        items.map(word).joined(separator: " ")
    }

    /// The text itself when it is one plain word, else quoted with escapes.
    public static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        return isPlain ? text : quoted(text)
    }

    /// In double quotes, control characters escaped.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case let control where control.value < 32 || control.value == 127:
                let digits = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// A duration in the largest unit that keeps it whole: `250ms`, `3s`, `10m`, `2h`, `7d`.
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

    /// A size in the largest binary unit that keeps it whole: `512B`, `64KiB`, `10MiB`, `1GiB`.
    public static func size(_ bytes: Int64) -> String {
        let units: [(name: String, size: Int64)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for unit in units where bytes != 0 && bytes % unit.size == 0 {
            return "\(bytes / unit.size)\(unit.name)"
        }
        return "\(bytes)B"
    }

    /// A number without a needless fraction: `2`, `1.5`.
    public static func number(_ number: Double) -> String {
        if let whole = Int64(exactly: number) { return String(whole) }
        return String(number)
    }
}

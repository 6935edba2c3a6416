/// A JSON value (RFC 8259) whose objects keep the order of their keys.
///
/// Integers are exact over the whole range of 64 bits; ids and revisions never pass through a Double.
public enum JSONValue: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction; one that JSON cannot write (infinite, not a number) is written as `null`.
    case number(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([JSONValue])
    /// Members in the order in which they are written.
    case object([Member])

    /// A key with its value.
    public struct Member: Hashable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Makes a member.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// How much room a text takes.
    public enum Layout: Hashable, Sendable {
        /// One line without blanks.
        case compact
        /// Two spaces a level, one member a line.
        case pretty
    }

    /// The text, or null.
    public init(_ text: String?) {
        self = text.map(JSONValue.string) ?? .null
    }

    /// The truth value, or null.
    public init(_ flag: Bool?) {
        self = flag.map(JSONValue.bool) ?? .null
    }

    /// The integer, or null; what 64 bits cannot hold is clamped.
    public init<Number: BinaryInteger>(_ number: Number?) {
        self = number.map { .integer(Int64(clamping: $0)) } ?? .null
    }

    /// The value of a key of an object; nil for anything else.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The value as text, without a line break at its end.
    ///
    /// Characters that a terminal obeys instead of showing (controls, changes of direction, line separators) are
    /// written as `\u` and four digits, so that the text is safe to look at and still means the same.
    public func text(_ layout: Layout = .compact) -> String {
        var result = ""
        append(to: &result, layout, level: 0)
        return result
    }

    private func append(to result: inout String, _ layout: Layout, level: Int) {
        switch self {
        case .null: result += "null"
        case .bool(let flag): result += flag ? "true" : "false"
        case .integer(let number): result += String(number)
        case .number(let number): result += number.isFinite ? String(number) : "null"
        case .string(let text): Self.append(quoted: text, to: &result)
        case .array(let items):
            Self.append(items, between: "[", "]", to: &result, layout, level: level) { item, result in
                item.append(to: &result, layout, level: level + 1)
            }
        case .object(let members):
            Self.append(members, between: "{", "}", to: &result, layout, level: level) { member, result in
                Self.append(quoted: member.key, to: &result)
                result += layout == .pretty ? ": " : ":"
                member.value.append(to: &result, layout, level: level + 1)
            }
        }
    }

    private static func append<Item>(
        _ items: [Item],
        between open: String,
        _ close: String,
        to result: inout String,
        _ layout: Layout,
        level: Int,
        item: (Item, inout String) -> Void
    ) {
        result += open
        var isFirst = true
        for each in items {
            if !isFirst { result += "," }
            isFirst = false
            appendLineBreak(&result, layout, level: level + 1)
            item(each, &result)
        }
        if !isFirst { appendLineBreak(&result, layout, level: level) }
        result += close
    }

    private static func appendLineBreak(_ result: inout String, _ layout: Layout, level: Int) {
        guard layout == .pretty else { return }
        result += "\n" + String(repeating: " ", count: level * 2)
    }

    private static func append(quoted text: String, to result: inout String) {
        result += "\""
        if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            result += text
        } else {
            for scalar in text.unicodeScalars { append(scalar, to: &result) }
        }
        result += "\""
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case let hidden where hidden.isUnsafeToShow:
            // Every such character lies in the basic plane, so four digits are enough.
            let digits = String(hidden.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// `true` or `false`.
    public init(booleanLiteral flag: Bool) { self = .bool(flag) }
    /// A whole number.
    public init(integerLiteral number: Int64) { self = .integer(number) }
    /// A text.
    public init(stringLiteral text: String) { self = .string(text) }
    /// A list.
    public init(arrayLiteral items: JSONValue...) { self = .array(items) }
    /// Members in the order in which they are written.
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}

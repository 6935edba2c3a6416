/// A JSON value (RFC 8259) whose objects keep the order of their members.
///
/// Integers are exact over 64 bits; IDs and revisions are never converted to Double.
public enum JSONValue: Hashable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// An integer.
    case integer(Int64)
    /// A floating-point number; infinite and NaN values are written as `null`.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object with its members in the order of output.
    case object([Member])

    /// A member of an object.
    public struct Member: Hashable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Creates a member.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The string, or null.
    public init(_ text: String?) {
        self = text.map(JSONValue.string) ?? .null
    }

    /// The Boolean, or null.
    public init(_ flag: Bool?) {
        self = flag.map(JSONValue.bool) ?? .null
    }

    /// The integer, or null; a value beyond 64 bits is clamped.
    public init<Number: BinaryInteger>(_ number: Number?) {
        self = number.map { .integer(Int64(clamping: $0)) } ?? .null
    }

    /// The number, as an integer if it is whole.
    public init(_ number: Double) {
        self = Int64(exactly: number).map(JSONValue.integer) ?? .number(number)
    }

    /// The value of a member of an object; nil for any other value.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The object with further members at its end; any other value unchanged.
    public func adding(_ members: [Member]) -> JSONValue {
        guard case .object(let own) = self else { return self }
        return .object(own + members)
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// `true` or `false`.
    public init(booleanLiteral flag: Bool) { self = .bool(flag) }
    /// An integer.
    public init(integerLiteral number: Int64) { self = .integer(number) }
    /// A string.
    public init(stringLiteral text: String) { self = .string(text) }
    /// An array.
    public init(arrayLiteral items: JSONValue...) { self = .array(items) }
    /// An object with its members in the order of output.
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}

extension JSONValue {
    /// The object with one more member at its end.
    public func adding(_ key: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + [Member(key, value)])
    }
}

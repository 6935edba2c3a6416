internal import HeroModel

/// A part of a JSON Schema, written with its keys in the order in which they were given.
indirect enum SchemaNode: Sendable {
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// A text.
    case text(String)
    /// A list.
    case list([SchemaNode])
    /// Keys with their values.
    case map([(key: String, value: SchemaNode)])

    /// As JSON, two blanks a level, a short list of plain values on one line.
    func json(level: Int = 0) -> String {
        switch self {
        case .bool(let flag): return flag ? "true" : "false"
        case .integer(let number): return String(number)
        case .number(let number): return Canonical.number(number)
        case .text(let text): return Canonical.quoted(text)
        case .list(let items):
            if items.allSatisfy(\.isScalar) { return "[\(items.map { $0.json() }.joined(separator: ", "))]" }
            return Self.block("[", items.map { $0.json(level: level + 1) }, "]", level)
        case .map(let entries):
            if entries.isEmpty { return "{}" }
            return Self.block(
                "{",
                entries.map { "\(Canonical.quoted($0.key)): \($0.value.json(level: level + 1))" },
                "}",
                level
            )
        }
    }

    private var isScalar: Bool {
        switch self {
        case .bool, .integer, .number, .text: true
        case .list, .map: false
        }
    }

    private static func block(_ open: String, _ lines: [String], _ close: String, _ level: Int) -> String {
        let outer = String(repeating: "  ", count: level)
        return "\(open)\n\(lines.map { "\(outer)  \($0)" }.joined(separator: ",\n"))\n\(outer)\(close)"
    }
}

extension SchemaNode: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: SchemaNode...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, SchemaNode)...) { self = .map(elements.map { (key: $0.0, value: $0.1) }) }

    /// The same map with further keys at its end; what is no map stays as it is.
    func adding(_ more: [(key: String, value: SchemaNode)]) -> Self {
        guard case .map(let entries) = self else { return self }
        return .map(entries + more)
    }
}

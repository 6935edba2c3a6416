import Foundation
public import HeroJSON

extension JSONValue {
    /// Parses one document.
    ///
    /// The members of each object are sorted by key, so that equal objects are equal values.
    public init(parsing text: String) throws {
        self = try JSONDecoder().decode(ParsedValue.self, from: Data(text.utf8)).value
    }

    /// Parses one document per line.
    public static func parseLines(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    /// The members of an object by key; nil for any other value.
    public var membersByKey: [String: JSONValue]? {
        guard case .object(let members) = self else { return nil }
        return Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// An object with sorted members.
    public static func sortedObject(_ members: [String: JSONValue]) -> JSONValue {
        .object(members.sorted { $0.key < $1.key }.map { Member($0.key, $0.value) })
    }
}

/// A value as it was written: a number is no Boolean, and integers stay integers.
private struct ParsedValue: Decodable {
    let value: JSONValue

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            value = .null
        } else if let flag = try? container.decode(Bool.self) {
            value = .bool(flag)
        } else if let integer = try? container.decode(Int64.self) {
            value = .integer(integer)
        } else if let number = try? container.decode(Double.self) {
            value = .number(number)
        } else if let text = try? container.decode(String.self) {
            value = .string(text)
        } else if let items = try? container.decode([ParsedValue].self) {
            value = .array(items.map(\.value))
        } else {
            value = .sortedObject(try container.decode([String: ParsedValue].self).mapValues(\.value))
        }
    }
}

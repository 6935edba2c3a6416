public import HeroJSON

/// A validator for JSON Schema (draft 2020-12) that implements only the keywords of heroproc's schemas.
///
/// An unknown keyword is an error, so that no keyword is ignored silently.
public struct SchemaValidator {
    private let root: JSONValue
    /// Whether an object may have only members that its schema names, although the schema itself allows others.
    private let isClosed: Bool

    /// Creates a validator for a schema.
    public init(_ schema: JSONValue, isClosed: Bool = false) {
        root = schema
        self.isClosed = isClosed
    }

    /// The errors in a value, each with its location as a JSON pointer; empty if the value is valid.
    public func errors(in value: JSONValue) -> [String] {
        validate(value, by: root, at: "")
    }

    func validate(_ value: JSONValue, by schema: JSONValue, at location: String) -> [String] {
        switch schema {
        case .bool(let isAllowed): return isAllowed ? [] : ["\(location): no value is allowed here"]
        case .object:
            let keywords = schema.membersByKey ?? [:]
            return keywords.sorted { $0.key < $1.key }.flatMap { keyword, rule in
                validate(value, keyword, rule, keywords, at: location)
            } + (isClosed ? unnamedMembers(value, keywords, at: location) : [])
        case .null, .integer, .number, .string, .array:
            return ["\(location): this is no schema: \(schema)"]
        }
    }

    private func validate(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: [String: JSONValue],
        at location: String
    ) -> [String] {
        switch keyword {
        case "$schema", "$id", "$defs", "$comment", "title", "description", "markdownDescription", "default",
            "examples", "deprecated":
            return []
        case "then", "else":
            return []
        case "$ref", "anyOf", "oneOf", "allOf", "not", "if":
            return validateCombinator(value, keyword, rule, schema, at: location)
        default:
            return validateKeyword(value, keyword, rule, schema, at: location)
        }
    }

    // MARK: Combinations of schemas

    private func validateCombinator(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: [String: JSONValue],
        at location: String
    ) -> [String] {
        switch (keyword, rule) {
        case ("$ref", .string(let reference)):
            guard let target = resolve(reference) else { return ["\(location): nothing is at \(reference)"] }
            return validate(value, by: target, at: location)
        case ("anyOf", .array(let choices)):
            let results = choices.map { validate(value, by: $0, at: location) }
            if results.contains(where: \.isEmpty) { return [] }
            // The intended choice is the one whose errors are deepest.
            return results.max { depth($0) < depth($1) } ?? ["\(location): there is no choice"]
        case ("oneOf", .array(let choices)):
            let count = choices.count { validate(value, by: $0, at: location).isEmpty }
            return count == 1 ? [] : ["\(location): \(count) of the choices match instead of one"]
        case ("allOf", .array(let parts)):
            return parts.flatMap { validate(value, by: $0, at: location) }
        case ("not", _):
            return validate(value, by: rule, at: location).isEmpty ? ["\(location): this value is not allowed"] : []
        case ("if", _):
            let branch = validate(value, by: rule, at: location).isEmpty ? schema["then"] : schema["else"]
            return branch.map { validate(value, by: $0, at: location) } ?? []
        default:
            return ["\(location): `\(keyword)` has a wrong type"]
        }
    }

    private func depth(_ errors: [String]) -> Int {
        errors.map { $0.prefix { $0 != ":" }.count }.max() ?? 0
    }

    private func resolve(_ reference: String) -> JSONValue? {
        guard reference.hasPrefix("#") else { return nil }
        return reference.dropFirst().split(separator: "/").reduce(Optional(root)) { $0?[String($1)] }
    }

    private func unnamedMembers(
        _ value: JSONValue,
        _ schema: [String: JSONValue],
        at location: String
    ) -> [String] {
        guard let members = value.membersByKey, let named = schema["properties"]?.membersByKey,
            schema["additionalProperties"] == nil
        else { return [] }
        return members.keys.filter { named[$0] == nil }.sorted().map { key in
            "\(location)/\(key): the schema does not name this member: add it in Sources/HeroView/JSON"
        }
    }
}

import Foundation

/// A small judge of JSON by JSON Schema (draft 2020-12): only the keywords that our schemas use.
///
/// A keyword it does not know is a mistake, so that none is passed over in silence.
public struct SchemaValidator {
    private let root: JSON
    /// Whether an object may have only members that its schema names, although the schema itself leaves it open.
    private let isClosed: Bool

    /// Takes a schema.
    public init(_ schema: JSON, isClosed: Bool = false) {
        root = schema
        self.isClosed = isClosed
    }

    /// What is wrong with a value, each with its place as a JSON pointer; empty when nothing is.
    public func errors(in value: JSON) -> [String] {
        validate(value, by: root, at: "")
    }

    private func validate(_ value: JSON, by schema: JSON, at place: String) -> [String] {
        switch schema {
        case .bool(let allows): return allows ? [] : ["\(place): nothing may stand here"]
        case .object(let keywords):
            return keywords.sorted { $0.key < $1.key }.flatMap { keyword, rule in
                validate(value, keyword, rule, keywords, at: place)
            } + (isClosed ? unnamedMembers(value, keywords, at: place) : [])
        case .null, .integer, .number, .string, .array:
            return ["\(place): this is no schema: \(schema)"]
        }
    }

    private func validate(
        _ value: JSON,
        _ keyword: String,
        _ rule: JSON,
        _ schema: [String: JSON],
        at place: String
    ) -> [String] {
        switch keyword {
        case "$schema", "$id", "$defs", "$comment", "title", "description", "markdownDescription", "default",
            "examples", "deprecated":
            return []
        case "then", "else":
            return []
        case "$ref", "anyOf", "oneOf", "allOf", "not", "if":
            return validateCombinator(value, keyword, rule, schema, at: place)
        default:
            return validateKeyword(value, keyword, rule, schema, at: place)
        }
    }

    // MARK: Schemas of schemas

    private func validateCombinator(
        _ value: JSON,
        _ keyword: String,
        _ rule: JSON,
        _ schema: [String: JSON],
        at place: String
    ) -> [String] {
        switch (keyword, rule) {
        case ("$ref", .string(let reference)):
            guard let target = resolve(reference) else { return ["\(place): nothing is at \(reference)"] }
            return validate(value, by: target, at: place)
        case ("anyOf", .array(let choices)):
            let verdicts = choices.map { validate(value, by: $0, at: place) }
            if verdicts.contains(where: \.isEmpty) { return [] }
            // What was meant is the choice with the fewest mistakes below this place.
            return verdicts.max { depth($0) < depth($1) } ?? ["\(place): there is no choice"]
        case ("oneOf", .array(let choices)):
            let fitting = choices.count { validate(value, by: $0, at: place).isEmpty }
            return fitting == 1 ? [] : ["\(place): \(fitting) of the choices fit instead of one"]
        case ("allOf", .array(let parts)):
            return parts.flatMap { validate(value, by: $0, at: place) }
        case ("not", _):
            return validate(value, by: rule, at: place).isEmpty ? ["\(place): this must not be"] : []
        case ("if", _):
            let branch = validate(value, by: rule, at: place).isEmpty ? schema["then"] : schema["else"]
            return branch.map { validate(value, by: $0, at: place) } ?? []
        default:
            return ["\(place): `\(keyword)` is not written like that"]
        }
    }

    private func depth(_ mistakes: [String]) -> Int {
        mistakes.map { $0.prefix { $0 != ":" }.count }.max() ?? 0
    }

    private func resolve(_ reference: String) -> JSON? {
        guard reference.hasPrefix("#") else { return nil }
        return reference.dropFirst().split(separator: "/").reduce(Optional(root)) { $0?[String($1)] }
    }

    private func unnamedMembers(_ value: JSON, _ schema: [String: JSON], at place: String) -> [String] {
        guard case .object(let members) = value, case .object(let named)? = schema["properties"],
            schema["additionalProperties"] == nil
        else { return [] }
        return members.keys.filter { named[$0] == nil }.sorted().map { key in
            "\(place)/\(key): the schema does not name this member: add it in Sources/HeroView/Schemas"
        }
    }

    // MARK: One value

    private func validateKeyword(
        _ value: JSON,
        _ keyword: String,
        _ rule: JSON,
        _ schema: [String: JSON],
        at place: String
    ) -> [String] {
        func must(_ holds: Bool) -> [String] { holds ? [] : ["\(place): \(value) breaks `\(keyword)`: \(rule)"] }
        switch (keyword, rule, value) {
        case ("type", .string(let name), _): return must(value.isOf(type: name))
        case ("type", .array(let names), _):
            return must(names.contains { if case .string(let name) = $0 { value.isOf(type: name) } else { false } })
        case ("const", _, _): return must(value == rule)
        case ("enum", .array(let values), _): return must(values.contains(value))
        case ("pattern", .string(let pattern), .string(let text)):
            return must(text.range(of: pattern, options: .regularExpression) != nil)
        case ("format", .string("date-time"), .string(let text)):
            let pattern = #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"#
            return must(text.range(of: pattern, options: .regularExpression) != nil)
        case ("format", _, _): return rule == .string("date-time") ? [] : ["\(place): the format \(rule) is not known"]
        case ("minLength", .integer(let least), .string(let text)): return must(text.unicodeScalars.count >= least)
        case ("maxLength", .integer(let most), .string(let text)): return must(text.unicodeScalars.count <= most)
        case ("minimum", _, _): return must(isWithinBound(value, rule) { $0 >= $1 })
        case ("maximum", _, _): return must(isWithinBound(value, rule) { $0 <= $1 })
        case ("exclusiveMinimum", _, _): return must(isWithinBound(value, rule) { $0 > $1 })
        case ("minItems", .integer(let least), .array(let items)): return must(items.count >= least)
        case ("maxItems", .integer(let most), .array(let items)): return must(items.count <= most)
        case ("uniqueItems", .bool(true), .array(let items)): return must(Set(items).count == items.count)
        case ("items", _, .array(let items)):
            return items.enumerated().flatMap { validate($1, by: rule, at: "\(place)/\($0)") }
        case ("required", .array(let keys), .object(let members)):
            return keys.compactMap { key in
                guard case .string(let key) = key, members[key] == nil else { return nil }
                return "\(place): `\(key)` is missing"
            }
        case ("minProperties", .integer(let least), .object(let members)): return must(members.count >= least)
        case ("maxProperties", .integer(let most), .object(let members)): return must(members.count <= most)
        case ("propertyNames", _, .object(let members)):
            return members.keys.sorted().flatMap { validate(.string($0), by: rule, at: "\(place)/\($0)") }
        case ("properties", .object(let named), .object(let members)):
            return members.sorted { $0.key < $1.key }.flatMap { key, member in
                named[key].map { validate(member, by: $0, at: "\(place)/\(key)") } ?? []
            }
        case ("additionalProperties", _, .object(let members)):
            guard case .object(let named)? = schema["properties"] ?? .object([:]) else { return [] }
            return members.filter { named[$0.key] == nil }.sorted { $0.key < $1.key }.flatMap { key, member in
                validate(member, by: rule, at: "\(place)/\(key)")
            }
        default:
            return Self.knownKeywords.contains(keyword)
                ? [] : ["\(place): the keyword `\(keyword)` is not known to this judge"]
        }
    }

    /// Keywords that say nothing about values of other types.
    private static let knownKeywords: Set<String> = [
        "pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "items", "required",
        "minProperties", "maxProperties", "propertyNames", "properties", "additionalProperties",
    ]

    /// Numbers by a rule; what is no number passes.
    private func isWithinBound(_ value: JSON, _ bound: JSON, _ holds: (Double, Double) -> Bool) -> Bool {
        guard let number = value.double, let limit = bound.double else { return true }
        return holds(number, limit)
    }
}

extension JSON {
    fileprivate var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .null, .bool, .string, .array, .object: nil
        }
    }

    fileprivate func isOf(type name: String) -> Bool {
        switch self {
        case .null: name == "null"
        case .bool: name == "boolean"
        case .integer: name == "integer" || name == "number"
        case .number(let number): name == "number" || (name == "integer" && number == number.rounded())
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }
}

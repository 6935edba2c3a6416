import Foundation
import HeroJSON

extension SchemaValidator {
    /// Validates one value by one keyword that needs no other schema, except those of members and items.
    func validateKeyword(
        _ value: JSONValue,
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: [String: JSONValue],
        at location: String
    ) -> [String] {
        func check(_ isValid: Bool) -> [String] {
            isValid ? [] : ["\(location): \(value) violates `\(keyword)`: \(rule)"]
        }
        switch (keyword, rule, value) {
        case ("type", .string(let name), _): return check(value.isOf(type: name))
        case ("type", .array(let names), _):
            return check(names.contains { if case .string(let name) = $0 { value.isOf(type: name) } else { false } })
        case ("const", _, _): return check(value == rule)
        case ("enum", .array(let values), _): return check(values.contains(value))
        case ("pattern", .string(let pattern), .string(let text)):
            return check(text.range(of: pattern, options: .regularExpression) != nil)
        case ("format", .string("date-time"), .string(let text)):
            let pattern = #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"#
            return check(text.range(of: pattern, options: .regularExpression) != nil)
        case ("format", _, _): return rule == .string("date-time") ? [] : ["\(location): unknown format \(rule)"]
        case ("minLength", .integer(let minimum), .string(let text)):
            return check(text.unicodeScalars.count >= minimum)
        case ("maxLength", .integer(let maximum), .string(let text)):
            return check(text.unicodeScalars.count <= maximum)
        case ("minimum", _, _): return check(isWithinBound(value, rule) { $0 >= $1 })
        case ("maximum", _, _): return check(isWithinBound(value, rule) { $0 <= $1 })
        case ("exclusiveMinimum", _, _): return check(isWithinBound(value, rule) { $0 > $1 })
        case ("minItems", .integer(let minimum), .array(let items)): return check(items.count >= minimum)
        case ("maxItems", .integer(let maximum), .array(let items)): return check(items.count <= maximum)
        case ("uniqueItems", .bool(true), .array(let items)): return check(Set(items).count == items.count)
        case ("items", _, .array(let items)):
            return items.enumerated().flatMap { validate($1, by: rule, at: "\(location)/\($0)") }
        case (_, _, .object): return validateMembers(value.membersByKey ?? [:], keyword, rule, schema, at: location)
        default: return unknownKeyword(keyword, at: location)
        }
    }

    private func validateMembers(
        _ members: [String: JSONValue],
        _ keyword: String,
        _ rule: JSONValue,
        _ schema: [String: JSONValue],
        at location: String
    ) -> [String] {
        let named = schema["properties"]?.membersByKey ?? [:]
        switch (keyword, rule) {
        case ("required", .array(let keys)):
            return keys.compactMap { key in
                guard case .string(let key) = key, members[key] == nil else { return nil }
                return "\(location): `\(key)` is missing"
            }
        case ("minProperties", .integer(let minimum)):
            return members.count >= minimum ? [] : ["\(location): fewer than \(minimum) members"]
        case ("maxProperties", .integer(let maximum)):
            return members.count <= maximum ? [] : ["\(location): more than \(maximum) members"]
        case ("propertyNames", _):
            return members.keys.sorted().flatMap { validate(.string($0), by: rule, at: "\(location)/\($0)") }
        case ("properties", .object):
            return members.sorted { $0.key < $1.key }.flatMap { key, member in
                named[key].map { validate(member, by: $0, at: "\(location)/\(key)") } ?? []
            }
        case ("additionalProperties", _):
            return members.filter { named[$0.key] == nil }.sorted { $0.key < $1.key }.flatMap { key, member in
                validate(member, by: rule, at: "\(location)/\(key)")
            }
        default: return unknownKeyword(keyword, at: location)
        }
    }

    private func unknownKeyword(_ keyword: String, at location: String) -> [String] {
        Self.knownKeywords.contains(keyword) ? [] : ["\(location): unknown keyword `\(keyword)`"]
    }

    /// The keywords that do not apply to values of other types.
    private static let knownKeywords: Set<String> = [
        "pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "items", "required",
        "minProperties", "maxProperties", "propertyNames", "properties", "additionalProperties",
    ]

    /// Compares numbers; a value that is no number passes.
    private func isWithinBound(
        _ value: JSONValue,
        _ bound: JSONValue,
        _ compare: (Double, Double) -> Bool
    ) -> Bool {
        guard let number = value.double, let limit = bound.double else { return true }
        return compare(number, limit)
    }
}

extension JSONValue {
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

public import HeroModel

/// The texts about a field in the reference page and in the manual.
public enum FieldText {
    /// The type with its range, such as `integer, 1 to 65535`.
    public static func type(_ property: Property) -> String {
        typeName(property.valueSchema) + (property.valueSchema.range.map { ", `\($0.least)` to `\($0.most)`" } ?? "")
    }

    /// The default value; empty if there is none.
    public static func defaultText(_ value: DefaultValue) -> String {
        switch value {
        case .none: ""
        case .described(let text): text
        case .bool, .integer, .number, .text, .list: "`\(value.text)`"
        }
    }

    /// The type name; a map with known keys is just a map, because each of its keys has a row.
    private static func typeName(_ schema: ValueSchema) -> String {
        switch schema {
        case .object: "map"
        case .list(of: .object, atLeast: _): "list of maps"
        case .either(let first, let second): "\(typeName(first)) or \(typeName(second))"
        case .list(of: .either(let first, .object), atLeast: _): "list: each item is a \(typeName(first)) or a map"
        case .bool, .constantTrue, .text, .formatted, .duration, .size, .integer, .number, .enumeration, .signal, .list,
            .map, .action:
            schema.typeName
        }
    }
}

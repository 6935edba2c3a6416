/// One key of a map in a manifest: its form, its default and its meaning.
public struct Property: Sendable {
    /// The key as manifests write it.
    public let key: String
    /// What its value may be.
    public let valueSchema: ValueSchema
    /// What holds where it is not written.
    public let defaultValue: DefaultValue
    /// One sentence on what it means.
    public let summary: String

    /// Describes a key.
    public init(_ key: String, _ form: ValueSchema, default defaultValue: DefaultValue = .none, _ summary: String) {
        self.key = key
        self.valueSchema = form
        self.defaultValue = defaultValue
        self.summary = summary
    }
}

/// What holds where a key is not written.
public indirect enum DefaultValue: Hashable, Sendable {
    /// Nothing, or what each key of a map says for itself.
    case none
    /// Something that depends on more than the key, in words.
    case described(String)
    /// A truth value.
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// A text, a duration, a size or a word.
    case text(String)
    /// A list.
    case list([DefaultValue])

    /// As a manifest writes it; empty where there is none.
    public var text: String {
        switch self {
        case .none: ""
        case .described(let words): words
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): Canonical.number(number)
        case .text(let text): text
        case .list(let items): "[\(items.map(\.text).joined(separator: ", "))]"
        }
    }
}

/// A map of known keys.
public struct ObjectSchema: Sendable {
    /// Its keys in the order of the reference.
    public let properties: [Property]
    /// Keys of which exactly one is written.
    public let oneOf: [String]
    /// Keys that are always written.
    public let required: [String]

    init(_ properties: [Property], oneOf: [String] = [], required: [String] = []) {
        self.properties = properties
        self.oneOf = oneOf
        self.required = required
    }
}

/// A key at any depth, by its whole path: `retry.delay`, `env.NAME.from_file`, `retention[].tag`.
public struct PropertyPath: Sendable {
    /// The path as the reference writes it.
    public let path: String
    /// The key.
    public let property: Property
    /// What changing it costs; that of the field it belongs to.
    public let cost: CostOfChange
}

extension Field {
    /// The field itself and every key below it.
    public var paths: [PropertyPath] { Self.paths(property, at: key, cost) }

    private static func paths(_ property: Property, at path: String, _ cost: CostOfChange) -> [PropertyPath] {
        [PropertyPath(path: path, property: property, cost: cost)]
            + descendants(property.valueSchema, path).flatMap { paths($0.property, at: $0.path, cost) }
    }

    private static func descendants(_ form: ValueSchema, _ path: String) -> [(path: String, property: Property)] {
        switch form {
        case .object(let object): object.properties.map { ("\(path).\($0.key)", $0) }
        case .list(let item, atLeast: _): descendants(item, path + "[]")
        case .map(let value): descendants(value, path + ".NAME")
        case .either(let first, let second): descendants(first, path) + descendants(second, path)
        case .bool, .constantTrue, .text, .formatted, .duration, .size, .integer, .number, .enumeration, .signal,
            .action:
            []
        }
    }
}

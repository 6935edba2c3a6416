/// One key of a map in a manifest: its schema, default and meaning.
public struct Property: Sendable {
    /// The key in a manifest.
    public let key: String
    /// The schema of its value.
    public let valueSchema: ValueSchema
    /// The value if the key is missing.
    public let defaultValue: DefaultValue
    /// The meaning, in one sentence.
    public let summary: String

    /// Describes a key.
    public init(_ key: String, _ form: ValueSchema, default defaultValue: DefaultValue = .none, _ summary: String) {
        self.key = key
        self.valueSchema = form
        self.defaultValue = defaultValue
        self.summary = summary
    }
}

/// The value of a missing key.
public indirect enum DefaultValue: Hashable, Sendable {
    /// No value, or the defaults of the keys of a map.
    case none
    /// A value that depends on other keys, as a description.
    case described(String)
    /// A Boolean value.
    case bool(Bool)
    /// An integer.
    case integer(Int)
    /// A number.
    case number(Double)
    /// A text, a duration, a size or a keyword.
    case text(String)
    /// A list.
    case list([DefaultValue])

    /// The text in a manifest; empty if there is none.
    public var text: String {
        switch self {
        case .none: ""
        case .described(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): Canonical.number(number)
        case .text(let text): text
        case .list(let items): "[\(items.map(\.text).joined(separator: ", "))]"
        }
    }
}

/// The schema of a map with known keys.
public struct ObjectSchema: Sendable {
    /// The keys in the order of the reference.
    public let properties: [Property]
    /// The keys of which exactly one is required.
    public let oneOf: [String]
    /// A key that can be written in place of one of these, or together with one; nil if there is none.
    public let alternative: String?
    /// The required keys.
    public let required: [String]

    init(
        _ properties: [Property],
        oneOf: [String] = [],
        orAlone alternative: String? = nil,
        required: [String] = []
    ) {
        self.properties = properties
        self.oneOf = oneOf
        self.alternative = alternative
        self.required = required
    }
}

/// A key at any depth with its path: `retry.delay`, `env.NAME.from_file`, `retention[].tag`.
public struct PropertyPath: Sendable {
    /// The path as shown in the reference.
    public let path: String
    /// The key.
    public let property: Property
    /// The cost of a change.
    public let cost: CostOfChange
}

extension Field {
    /// The field and all its nested keys.
    public var paths: [PropertyPath] {
        Self.paths(property, at: key, cost).map { path in
            let part = path.path.split(separator: ".").dropFirst().first.map(String.init)
            return PropertyPath(path: path.path, property: path.property, cost: cost(ofPart: part))
        }
    }

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

import HeroJSON
import HeroModel

extension Field {
    /// The schema of the field's value, with its meaning, its default and the effect of a change.
    var schema: JSONValue {
        let effect =
            switch cost {
            case .none: "A change does not affect running services."
            case .inPlace: "A change takes effect in place."
            case .nextStart: "A change takes effect at the next start of the program."
            case .reload: "A change reloads running services, or restarts those without `reload`."
            case .restart: "A change restarts running services."
            }
        return property.schema(changeEffect: effect)
    }
}

extension Property {
    /// The schema of the key's value, with its meaning and its default.
    func schema(changeEffect effect: String = "") -> JSONValue {
        var sentences = [summary]
        if let range = valueSchema.range { sentences.append("From \(range.least) to \(range.most).") }
        if valueSchema.namesFiles { sentences.append("A relative path starts at the directory of the manifest.") }
        if case .described(let description) = defaultValue { sentences.append("Default: \(description).") }
        if !effect.isEmpty { sentences.append(effect) }
        var members = [JSONValue.Member("description", .string(sentences.joined(separator: " ")))]
        if let standard = defaultValue.json { members.append(.init("default", standard)) }
        return .object(members + valueSchema.keywords)
    }
}

extension ValueSchema {
    /// Whether the value is a path, or a list of paths.
    fileprivate var namesFiles: Bool {
        switch self {
        case .formatted(let format): format == .path
        case .list(of: let item, atLeast: _): item.namesFiles
        case .bool, .constantTrue, .text, .duration, .size, .integer, .number, .enumeration, .signal, .map, .object,
            .either, .action:
            false
        }
    }
}

extension DefaultValue {
    /// The default as JSON; nil if there is none or if it depends on other keys.
    fileprivate var json: JSONValue? {
        switch self {
        case .none, .described: nil
        case .bool(let flag): .bool(flag)
        case .integer(let number): JSONValue(number)
        case .number(let number): JSONValue(number)
        case .text(let text): .string(text)
        case .list(let items): .array(items.compactMap(\.json))
        }
    }
}

extension ValueSchema {
    /// `RTMIN`, `RTMIN+3` and `RTMAX-1`, with or without `SIG`.
    private static let realTimePattern = "(SIG)?RT(MIN(\\+([0-9]|[12][0-9]|30))?|MAX(-([0-9]|[12][0-9]|30))?)"
    /// The pattern of a text with a variable (`${NAME}`) in place of a value.
    private static let variablePattern = "\\$\\{"

    /// The JSON Schema keywords of the value.
    var keywords: [JSONValue.Member] {
        switch self {
        case .bool: Self.scalar("boolean")
        case .constantTrue: [.init("const", true)]
        case .text: [.init("type", ["string", "number", "boolean"])]
        case .formatted(let format): Self.formatted(format)
        case .duration: Self.text("[0-9]+(ms|s|m|h|d)")
        case .size: Self.text("[0-9]+(B|KiB|MiB|GiB|KB|MB|GB)")
        case .integer(let range):
            Self.scalar("integer") + [
                .init("minimum", JSONValue(range.lowerBound)), .init("maximum", JSONValue(range.upperBound)),
            ]
        case .number(let range):
            Self.scalar("number") + [
                .init("minimum", JSONValue(range.lowerBound)), .init("maximum", JSONValue(range.upperBound)),
            ]
        case .enumeration(let values):
            [
                .init(
                    "anyOf",
                    [
                        ["enum": .array(values.map { .string($0) })],
                        ["type": "string", "pattern": .string(Self.variablePattern)],
                    ]
                )
            ]
        case .signal:
            [
                .init(
                    "anyOf",
                    [
                        ["enum": .array(Signal.names.map { .string($0.name) })],
                        .object(
                            Self.text(
                                "SIG(\(Signal.names.map(\.name).joined(separator: "|")))|\(Self.realTimePattern)"
                            )
                        ),
                    ]
                )
            ]
        case .list(let item, atLeast: let minimum):
            minimum == 0
                ? [.init("type", ["array", "null"]), .init("items", .object(item.keywords))]
                : [
                    .init("type", "array"), .init("items", .object(item.keywords)),
                    .init("minItems", JSONValue(minimum)),
                ]
        case .map(let value):
            [
                .init("type", ["object", "null"]),
                .init("additionalProperties", ["anyOf": [.object(value.keywords), ["type": "null"]]]),
                .init("propertyNames", ["pattern": "^[^\\s=]+$"]),
            ]
        case .object(let object): object.keywords
        case .either(let first, let second):
            [.init("anyOf", [.object(first.keywords), .object(second.keywords)])]
        case .action: [.init("$ref", "#/$defs/InlineAction")]
        }
    }

    /// A scalar of a type, or a text with a variable.
    private static func scalar(_ type: String) -> [JSONValue.Member] {
        [.init("type", [.string(type), "string"]), .init("pattern", .string(variablePattern))]
    }

    /// A text that matches a pattern or contains a variable.
    private static func text(_ pattern: String) -> [JSONValue.Member] {
        [.init("type", "string"), .init("pattern", .string("^(\(pattern))$|\(variablePattern)"))]
    }

    private static func formatted(_ format: TextFormat) -> [JSONValue.Member] {
        let pattern = JSONValue.Member("pattern", .string("^(\(format.pattern))$|\(variablePattern)"))
        guard let numbers = format.numbers else { return [.init("type", "string"), pattern] }
        return [
            .init("type", ["string", "integer"]), pattern, .init("minimum", JSONValue(numbers.lowerBound)),
            .init("maximum", JSONValue(numbers.upperBound)),
        ]
    }
}

extension ObjectSchema {
    /// The JSON Schema keywords of an object with known keys.
    fileprivate var keywords: [JSONValue.Member] {
        let object = ManifestSchema.object(properties.map { .init($0.key, $0.schema()) }, required: required)
        guard case .object(let members) = object else { return [] }
        guard !oneOf.isEmpty else { return members }
        let checks: JSONValue = .array(oneOf.map { ["required": [.string($0)]] })
        guard let alternative else { return members + [.init("oneOf", checks)] }
        return members + [.init("anyOf", [["oneOf": checks], ["required": [.string(alternative)]]])]
    }
}

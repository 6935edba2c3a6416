internal import HeroModel

extension Field {
    /// The schema of the field's value, with its meaning, its default and what changing it costs.
    var schema: SchemaNode {
        let effect =
            switch cost {
            case .none: "A change touches nothing that runs."
            case .inPlace: "A change takes effect in place."
            case .restart: "A change restarts what runs."
            }
        return property.schema(changeEffect: effect)
    }
}

extension Property {
    /// The schema of the key's value, with its meaning and its default.
    func schema(changeEffect effect: String = "") -> SchemaNode {
        var sentences = [summary]
        if let range = valueSchema.range { sentences.append("From \(range.least) to \(range.most).") }
        if valueSchema.namesFiles { sentences.append("A relative path counts from the folder of the manifest.") }
        if case .described(let words) = defaultValue { sentences.append("Default: \(words).") }
        if !effect.isEmpty { sentences.append(effect) }
        var entries: [(key: String, value: SchemaNode)] = [("description", .text(sentences.joined(separator: " ")))]
        if let standard = defaultValue.schema { entries.append(("default", standard)) }
        return SchemaNode.map(entries).adding(valueSchema.schema)
    }
}

extension ValueSchema {
    /// Whether what is written is a path, or a list of them.
    fileprivate var namesFiles: Bool {
        switch self {
        case .formatted(let form): form == .path
        case .list(of: let item, atLeast: _): item.namesFiles
        case .bool, .constantTrue, .text, .duration, .size, .integer, .number, .enumeration, .signal, .map, .object,
            .either,
            .action:
            false
        }
    }
}

extension DefaultValue {
    /// The default as JSON; nil where it is none, or depends on more than the key.
    fileprivate var schema: SchemaNode? {
        switch self {
        case .none, .described: nil
        case .bool(let flag): .bool(flag)
        case .integer(let number): .integer(number)
        case .number(let number): .number(number)
        case .text(let text): .text(text)
        case .list(let items): .list(items.compactMap(\.schema))
        }
    }
}

extension ValueSchema {
    /// What a text must match that may hold `${NAME}` in place of a value.
    private static let variablePattern = "\\$\\{"

    /// The keywords of the form.
    var schema: [(key: String, value: SchemaNode)] {
        switch self {
        case .bool: Self.scalarSchema("boolean")
        case .constantTrue: [("const", true)]
        case .text: [("type", ["string", "number", "boolean"])]
        case .formatted(let form): Self.textFormSchema(form)
        case .duration: Self.textSchema("[0-9]+(ms|s|m|h|d)")
        case .size: Self.textSchema("[0-9]+(B|KiB|MiB|GiB|KB|MB|GB)")
        case .integer(let range):
            Self.scalarSchema("integer") + [
                ("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound)),
            ]
        case .number(let range):
            Self.scalarSchema("number") + [
                ("minimum", .number(range.lowerBound)), ("maximum", .number(range.upperBound)),
            ]
        case .enumeration(let words):
            [
                (
                    "anyOf",
                    [
                        ["enum": .list(words.map { .text($0) })],
                        ["type": "string", "pattern": .text(Self.variablePattern)],
                    ]
                )
            ]
        case .signal:
            [
                (
                    "anyOf",
                    [
                        ["enum": .list(Signal.names.map { .text($0.name) })],
                        .map(Self.textSchema("SIG(\(Signal.names.map(\.name).joined(separator: "|")))")),
                    ]
                )
            ]
        case .list(let item, atLeast: let least):
            least == 0
                ? [("type", ["array", "null"]), ("items", .map(item.schema))]
                : [("type", "array"), ("items", .map(item.schema)), ("minItems", .integer(least))]
        case .map(let value):
            [
                ("type", ["object", "null"]),
                ("additionalProperties", ["anyOf": [.map(value.schema), ["type": "null"]]]),
                ("propertyNames", ["pattern": "^[^\\s=]+$"]),
            ]
        case .object(let form): form.schema
        case .either(let first, let second): [("anyOf", [.map(first.schema), .map(second.schema)])]
        case .action: [("$ref", "#/$defs/InlineAction")]
        }
    }

    /// A scalar of a type, or a text with a variable.
    private static func scalarSchema(_ type: String) -> [(key: String, value: SchemaNode)] {
        [("type", [.text(type), "string"]), ("pattern", .text(variablePattern))]
    }

    /// A text that matches, or holds a variable.
    private static func textSchema(_ pattern: String) -> [(key: String, value: SchemaNode)] {
        [("type", "string"), ("pattern", .text("^(\(pattern))$|\(variablePattern)"))]
    }

    private static func textFormSchema(_ form: TextFormat) -> [(key: String, value: SchemaNode)] {
        let pattern: (key: String, value: SchemaNode) = ("pattern", .text("^(\(form.pattern))$|\(variablePattern)"))
        guard let numbers = form.numbers else { return [("type", "string"), pattern] }
        return [
            ("type", ["string", "integer"]), pattern, ("minimum", .integer(numbers.lowerBound)),
            ("maximum", .integer(numbers.upperBound)),
        ]
    }
}

extension ObjectSchema {
    /// The keywords of a map of known keys.
    fileprivate var schema: [(key: String, value: SchemaNode)] {
        let object = ManifestSchema.object(properties.map { ($0.key, $0.schema()) }, required: required)
        guard case .map(let entries) = object else { return [] }
        guard !oneOf.isEmpty else { return entries }
        return entries + [("oneOf", .list(oneOf.map { ["required": [.text($0)]] }))]
    }
}

internal import HeroModel

/// The JSON Schema of manifests (draft 2020-12), for editors: what is allowed, what it means, what its default is.
///
/// It is rendered from the tables of fields and says what a single document can say: that names exist, that nothing waits
/// for itself and that no port is claimed twice is only seen by reading the whole set.
public enum ManifestSchema {
    /// The schema as JSON, with a line break at its end.
    public static var json: String { root.json() + "\n" }

    private static var root: SchemaNode {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "heroproc manifest",
            "description": "One YAML document of a services directory.",
            "type": ["object", "null"],
            "properties": [
                "kind": [
                    "description": "What the document declares.",
                    "enum": .list(DocumentKind.allCases.map { .text($0.rawValue) }),
                ]
            ],
            "required": ["kind"],
            "allOf": .list(DocumentKind.allCases.map(kindBranch)),
            "$defs": [
                "Service": document(.service, ServiceSpec.fields, required: ["kind", "name", "actions"]),
                "Action": document(.action, ActionSpec.fields, required: ["kind", "name"]).adding([exactlyOneProgram]),
                "Settings": document(.settings, Settings.fields, required: ["kind"]),
                "InlineAction": inlineAction,
            ],
        ]
    }

    private static func kindBranch(_ kind: DocumentKind) -> SchemaNode {
        [
            "if": ["properties": ["kind": ["const": .text(kind.rawValue)]], "required": ["kind"]],
            "then": ["$ref": .text("#/$defs/\(kind.rawValue)")],
        ]
    }

    private static func document<Subject>(
        _ kind: DocumentKind,
        _ fields: [Field<Subject>],
        required: [String]
    ) -> SchemaNode {
        let kind: (key: String, value: SchemaNode) = ("kind", ["const": .text(kind.rawValue)])
        return object([kind] + fields.map { ($0.key, $0.schema) }, required: required)
    }

    private static var inlineAction: SchemaNode {
        let fields = ActionSpec.fields.filter { $0.key == "name" || ActionDraft.inlineKeyNames.contains($0.key) }
        return object(fields.map { ($0.key, $0.schema) }, required: ["name"]).adding([exactlyOneProgram])
    }

    /// `exec`, or `script` with or without its interpreter.
    private static var exactlyOneProgram: (key: String, value: SchemaNode) {
        (
            "oneOf",
            [
                ["required": ["exec"], "not": ["required": ["interpreter"]]],
                ["required": ["script"]],
            ]
        )
    }

    /// A map of known keys.
    static func object(_ properties: [(key: String, value: SchemaNode)], required: [String]) -> SchemaNode {
        let schema: SchemaNode = [
            "type": "object",
            "properties": .map(properties),
            "additionalProperties": false,
        ]
        return required.isEmpty ? schema : schema.adding([("required", .list(required.map { .text($0) }))])
    }
}

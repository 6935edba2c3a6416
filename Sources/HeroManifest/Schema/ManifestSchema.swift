import HeroJSON
import HeroModel

/// The JSON Schema of manifests (draft 2020-12) for editors, with the meaning and the default of every key.
///
/// It is rendered from the tables of fields and describes a single document. Only a check of the whole set finds
/// unknown names, cycles and ports that are claimed twice.
public enum ManifestSchema {
    /// The schema as JSON text, with a final line break.
    public static var json: String { root.text(.prettyWithInlineArrays) + "\n" }

    private static var root: JSONValue {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "heroproc manifest",
            "description": "One YAML document of a services directory.",
            "type": ["object", "null"],
            "properties": [
                "kind": [
                    "description": "What the document declares.",
                    "enum": .array(DocumentKind.allCases.map { .string($0.rawValue) }),
                ]
            ],
            "required": ["kind"],
            "allOf": .array(DocumentKind.allCases.map(kindBranch)),
            "$defs": [
                "Service": document(.service, ServiceSpec.fields, required: ["kind", "name", "actions"]),
                "Action": document(.action, ActionSpec.fields, required: ["kind", "name"]).adding([exactlyOneProgram]),
                "Settings": document(.settings, Settings.fields, required: ["kind"]),
                "InlineAction": inlineAction,
            ],
        ]
    }

    private static func kindBranch(_ kind: DocumentKind) -> JSONValue {
        [
            "if": ["properties": ["kind": ["const": .string(kind.rawValue)]], "required": ["kind"]],
            "then": ["$ref": .string("#/$defs/\(kind.rawValue)")],
        ]
    }

    private static func document<Subject>(
        _ kind: DocumentKind,
        _ fields: [Field<Subject>],
        required: [String]
    ) -> JSONValue {
        let kind = JSONValue.Member("kind", ["const": .string(kind.rawValue)])
        return object([kind] + fields.map { .init($0.key, $0.schema) }, required: required)
    }

    private static var inlineAction: JSONValue {
        let fields = ActionSpec.fields.filter { $0.key == "name" || ActionDraft.inlineKeyNames.contains($0.key) }
        return object(fields.map { .init($0.key, $0.schema) }, required: ["name"]).adding([exactlyOneProgram])
    }

    /// `exec`, or `script` with or without its interpreter.
    private static var exactlyOneProgram: JSONValue.Member {
        .init(
            "oneOf",
            [
                ["required": ["exec"], "not": ["required": ["interpreter"]]],
                ["required": ["script"]],
            ]
        )
    }

    /// The schema of an object with known keys.
    static func object(_ properties: [JSONValue.Member], required: [String]) -> JSONValue {
        let schema: JSONValue = [
            "type": "object",
            "properties": .object(properties),
            "additionalProperties": false,
        ]
        return required.isEmpty ? schema : schema.adding([.init("required", .array(required.map(JSONValue.string)))])
    }
}

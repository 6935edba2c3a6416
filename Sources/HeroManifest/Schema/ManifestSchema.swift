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
                "Service": service,
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

    /// A service has `actions`, or in the short form the keys of its only action.
    private static var service: JSONValue {
        let kind = JSONValue.Member("kind", ["const": .string(DocumentKind.service.rawValue)])
        let own = ServiceSpec.fields.map { JSONValue.Member($0.key, $0.key == "stop" ? stopOfBothForms : $0.schema) }
        let actionFields = ActionSpec.fields.filter { ServiceDraft.actionOnlyKeyNames.contains($0.key) }
        let action = actionFields.map { field in
            JSONValue.Member(field.key, field.key == "is_process" ? isProcessOfShortForm : field.schema)
        }
        let noActions: JSONValue = ["actions": .bool(false)]
        let noActionKeys = actionFields.map { JSONValue.Member($0.key, .bool(false)) }
        return object([kind] + own + action, required: ["kind", "name"]).adding([
            .init(
                "oneOf",
                [
                    [
                        "required": ["actions"],
                        "properties": .object(noActionKeys + [.init("stop", stopWithoutActionKeys)]),
                    ],
                    ["required": ["exec"], "not": ["required": ["interpreter"]], "properties": noActions],
                    ["required": ["script"], "properties": noActions],
                ]
            )
        ])
    }

    /// `is_process`, which is true by default in the short form.
    private static var isProcessOfShortForm: JSONValue {
        [
            "description": "True: a process that is kept running. False: a one-shot.",
            "default": true,
            "type": ["boolean", "string"], "pattern": "\\$\\{",
        ]
    }

    /// `stop` with the keys of a service and, in the short form, of its action.
    private static var stopOfBothForms: JSONValue {
        let summary = "How it is stopped, and whether a stop deletes its ended jobs."
        return Field<ServiceSpec>("stop", .object(.shortFormStop), cost: .inPlace, summary) { _ in .byDefault }.schema
    }

    /// Refuses the keys of an action in `stop`.
    private static var stopWithoutActionKeys: JSONValue {
        ["properties": .object(ObjectSchema.stop.properties.map { .init($0.key, .bool(false)) })]
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

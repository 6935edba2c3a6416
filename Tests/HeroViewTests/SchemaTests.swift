import Foundation
import HeroJSON
import HeroModel
import HeroView
import SchemaValidation
import Testing

@Suite("Schemas of JSON outputs")
struct SchemaTests {
    /// The committed schemas.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../schemas").standardized

    @Test(
        "Each file schemas/NAME.schema.json equals the schema in the code",
        arguments: OutputSchema.allCases
    )
    func committed(_ schema: OutputSchema) throws {
        let file = Self.folder.appendingPathComponent("\(schema.rawValue).schema.json")
        let text = schema.text
        guard (try? String(contentsOf: file, encoding: .utf8)) != text else { return }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        Issue.record("schemas/\(schema.rawValue).schema.json differs; RECORD_GOLDENS=1 records it")
    }

    @Test(
        "Every golden JSON file is valid by its schema and has no unnamed member",
        arguments: [OutputSchema.plan, .status, .jobs, .apply, .validate, .tree, .stats, .processes]
    )
    func goldens(_ schema: OutputSchema) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Goldens/\(schema.rawValue).json")
        let value = try JSONValue(parsing: String(contentsOf: file, encoding: .utf8))
        #expect(try errors(in: value, by: schema) == [])
    }

    @Test("JSON outputs without records are valid by their schemas")
    func empty() throws {
        let nothing = StatusReport(revision: nil, reconciler: nil, services: [], now: WallTime(microseconds: 0))
        #expect(try errors(in: JSONValue(parsing: StatusView.json(nothing).text()), by: .status) == [])
        #expect(try errors(in: JSONValue(parsing: JobsView.json([]).text()), by: .jobs) == [])
        #expect(try errors(in: JSONValue(parsing: HistoryView.json([]).text()), by: .history) == [])
        #expect(try errors(in: JSONValue(parsing: DiagnosticView.json(validating: []).text()), by: .validate) == [])
        let refused = ApplyReport(revision: nil, isConverged: false, plan: nil, errors: ["no"])
        #expect(try errors(in: JSONValue(parsing: ApplyView.json(refused).text()), by: .apply) == [])
    }

    private func errors(in value: JSONValue, by schema: OutputSchema) throws -> [String] {
        try SchemaValidator(JSONValue(parsing: schema.json.text()), isClosed: true).errors(in: value)
    }
}

@Suite("The schema validator")
struct SchemaValidatorTests {
    @Test(
        "The schema validator reports a violation of each keyword and nothing else",
        arguments: [
            (#"{"type": "integer"}"#, "3", "3.5"),
            (#"{"type": "integer"}"#, "-1", "true"),
            (#"{"type": "boolean"}"#, "true", "1"),
            (#"{"type": ["string", "null"]}"#, "null", "[]"),
            (#"{"type": "number"}"#, "1e3", #""1""#),
            (#"{"enum": ["a", 1]}"#, "1", #""b""#),
            (#"{"const": {"a": []}}"#, #"{"a": []}"#, #"{"a": {}}"#),
            (#"{"pattern": "^a+$"}"#, #""aa""#, #""ab""#),
            (#"{"pattern": "^a+$"}"#, "7", #""""#),
            (#"{"format": "date-time"}"#, #""2026-11-21T16:00:00.000001Z""#, #""yesterday""#),
            (#"{"minimum": 1}"#, "1", "0"),
            (#"{"maximum": 1}"#, "1", "1.1"),
            (#"{"exclusiveMinimum": 1}"#, "1.5", "1"),
            (#"{"minLength": 2, "maxLength": 3}"#, #""äß""#, #""a""#),
            (#"{"minItems": 1, "maxItems": 2, "uniqueItems": true}"#, "[1, 2]", "[1, 1]"),
            (#"{"items": {"type": "string"}}"#, #"["a"]"#, #"["a", 1]"#),
            (#"{"required": ["a"]}"#, #"{"a": null}"#, #"{"b": 1}"#),
            (#"{"properties": {"a": {"type": "null"}}}"#, #"{"b": 1}"#, #"{"a": 1}"#),
            (#"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"a": 1}"#, #"{"b": 1}"#),
            (#"{"additionalProperties": {"type": "string"}}"#, #"{"a": "b"}"#, #"{"a": 1}"#),
            (#"{"propertyNames": {"pattern": "^x"}}"#, #"{"xa": 1}"#, #"{"a": 1}"#),
            (#"{"minProperties": 1, "maxProperties": 1}"#, #"{"a": 1}"#, "{}"),
            (#"{"anyOf": [{"type": "null"}, {"minimum": 3, "type": "integer"}]}"#, "null", "2"),
            (#"{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}"#, #"{"a": 1}"#, #"{"a": 1, "b": 1}"#),
            (#"{"allOf": [{"minimum": 1}, {"maximum": 2}]}"#, "2", "3"),
            (#"{"not": {"type": "null"}}"#, "1", "null"),
            (#"{"if": {"required": ["a"]}, "then": {"required": ["b"]}}"#, #"{"c": 1}"#, #"{"a": 1}"#),
            (#"{"if": {"type": "null"}, "else": {"type": "string"}}"#, "null", "1"),
            (##"{"$defs": {"t": {"type": "string"}}, "items": {"$ref": "#/$defs/t"}}"##, #"["a"]"#, "[1]"),
        ]
    )
    func keywords(_ schema: String, _ good: String, _ bad: String) throws {
        let validator = SchemaValidator(try JSONValue(parsing: schema))
        #expect(validator.errors(in: try JSONValue(parsing: good)) == [])
        #expect(validator.errors(in: try JSONValue(parsing: bad)).count == 1)
    }

    @Test("The schema validator reports an unknown keyword for every value")
    func unknownKeywords() throws {
        let misspelt = SchemaValidator(try JSONValue(parsing: #"{"minimun": 1}"#))
        #expect(misspelt.errors(in: .null).count == 1)
        let dangling = SchemaValidator(try JSONValue(parsing: ##"{"$ref": "#/$defs/none"}"##))
        #expect(dangling.errors(in: .null).count == 1)
    }

    @Test("The schema validator reports locations, and closed objects reject other members")
    func locations() throws {
        let schema = try JSONValue(
            parsing: #"{"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}}"#
        )
        let value = try JSONValue(parsing: #"{"a": [{"b": "x"}, {"b": 1, "c": 2}]}"#)
        #expect(SchemaValidator(schema).errors(in: value).map { $0.prefix(6) } == ["/a/1/b"])
        #expect(SchemaValidator(schema, isClosed: true).errors(in: value).map { $0.prefix(6) } == ["/a/1/b", "/a/1/c"])
    }
}

import Foundation
import HeroJSON
import HeroModel
import HeroView
import SchemaValidation
import Testing

@Suite("Diagnostics for CI and code scanning")
struct DiagnosticFormatTests {
    static let diagnostics = [
        Diagnostic(
            .error,
            code: "unknown-key",
            "unknown key `require`; did you mean `requires`?",
            help: "100% sure?\nwrite it so",
            at: ManifestLocation(file: "/srv/demo/services.d/web, old:1.yaml", line: 4, column: 1),
            excerpt: "require: [hero_db]",
            length: 7
        ),
        Diagnostic(
            .error,
            code: "duplicate-name",
            "the service `core/web` is declared twice",
            at: location("wéb 2.yaml", 12, 7),
            excerpt: "name: web",
            length: 3,
            notes: [.init("first declared", at: location("web.yaml", 2, 7), excerpt: "name: web")]
        ),
        Diagnostic(.warning, code: "no-hero-db", "no manifest declares `core/hero_db`", help: "declare it"),
    ]
    private let sarif = SARIF(
        version: "1.2.3",
        rules: [DiagnosticRule("unknown-key", "A key is unknown."), DiagnosticRule("no-hero-db", "There is none.")],
        base: "/srv/demo",
        defaultFile: "services.d"
    )

    @Test("Diagnostics are GitHub workflow commands, one per line, with escapes")
    func github() {
        let text = DiagnosticView.github(Self.diagnostics, base: "/srv/demo")
        expectGolden(text, "diagnostics.github.txt")
        #expect(text.split(separator: "\n").count == 3)
        #expect(DiagnosticView.github([]) == "")
    }

    @Test("Text of a manifest cannot end or begin a workflow command")
    func injection() {
        let evil = "x\r\n::set-output name=a::b\n::error::%0A,:\u{1B}[2J"
        let diagnostic = Diagnostic(
            .error,
            code: evil,
            evil,
            help: evil,
            at: ManifestLocation(file: evil, line: 1, column: 1),
            notes: [.init(evil, at: ManifestLocation(file: evil, line: 1, column: 1))]
        )
        let text = DiagnosticView.github([diagnostic])
        #expect(isHarmless(text))
        #expect(text.split(separator: "\n").count == 1)
        let properties = text.split(separator: "::").first ?? ""
        // Only the commas between the properties.
        #expect(properties.count { $0 == "," } == 5)
        #expect(!properties.dropFirst(8).contains(":"))
    }

    @Test("A SARIF log contains rules, relative locations and regions with columns")
    func log() throws {
        let text = sarif.json(Self.diagnostics).text(.pretty) + "\n"
        expectGolden(text, "diagnostics.sarif.json")
        let validator = SchemaValidator(try JSONValue(parsing: Self.schema), isClosed: true)
        let full = try JSONValue(parsing: text)
        #expect(validator.errors(in: full) == [])
        let empty = try JSONValue(parsing: sarif.json([]).text())
        #expect(validator.errors(in: empty) == [])
    }

    @Test("With strict validation a warning makes a set invalid")
    func strict() {
        let warning = [Diagnostic(.warning, code: "w", "odd")]
        #expect(DiagnosticView.json(validating: warning)["valid"] == true)
        #expect(DiagnosticView.json(validating: warning, isStrict: true)["valid"] == false)
        #expect(DiagnosticView.json(validating: [], isStrict: true)["valid"] == true)
    }

    @Test("The JSON of a diagnostic contains all of its locations")
    func notes() {
        guard case .array(let found)? = DiagnosticView.json(validating: Self.diagnostics)["diagnostics"] else { return }
        #expect(
            found.map { $0["notes"] } == [
                [],
                [["message": "first declared", "file": "services.d/web.yaml", "line": 2, "column": 7]],
                [],
            ]
        )
    }

    /// The part of the SARIF 2.1.0 schema that heroproc writes (sections 3.13 to 3.58).
    private static let schema = ##"""
        {
          "$defs": {
            "message": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "region": {"type": "object", "required": ["startLine", "startColumn"], "properties": {
              "startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1},
              "endColumn": {"type": "integer", "minimum": 1}, "snippet": {"$ref": "#/$defs/message"}}},
            "location": {"type": "object", "required": ["artifactLocation"], "properties": {
              "artifactLocation": {"type": "object", "required": ["uri"], "properties": {
                "uri": {"type": "string", "pattern": "^([A-Za-z0-9._~/-]|%[0-9A-F]{2})+$"}}},
              "region": {"$ref": "#/$defs/region"}}}
          },
          "type": "object", "required": ["$schema", "version", "runs"], "properties": {
            "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": {
              "type": "object", "required": ["tool", "results", "columnKind"], "properties": {
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                  "type": "object", "required": ["name", "rules"], "properties": {
                    "name": {"type": "string"}, "version": {"type": "string"},
                    "rules": {"type": "array", "uniqueItems": true, "items": {
                      "type": "object", "required": ["id"], "properties": {
                        "id": {"type": "string"}, "shortDescription": {"$ref": "#/$defs/message"}}}}}}}},
                "results": {"type": "array", "items": {
                  "type": "object", "required": ["ruleId", "level", "message", "locations"], "properties": {
                    "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                    "level": {"enum": ["none", "note", "warning", "error"]},
                    "message": {"$ref": "#/$defs/message"},
                    "locations": {"type": "array", "minItems": 1, "items": {
                      "type": "object", "properties": {"physicalLocation": {"$ref": "#/$defs/location"}}}},
                    "relatedLocations": {"type": "array", "items": {"type": "object", "properties": {
                      "id": {"type": "integer", "minimum": 0}, "message": {"$ref": "#/$defs/message"},
                      "physicalLocation": {"$ref": "#/$defs/location"}}}}}}}}}}}
        }
        """##
}

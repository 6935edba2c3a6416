import Foundation
import HeroJSON
import SchemaValidation
import Testing

/// The committed schemas, by name.
///
/// HeroViewTests compares them with the code. Here they validate all JSON output of the program.
enum CommittedSchemas {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../schemas").standardized

    static func validator(_ name: String) throws -> SchemaValidator {
        let file = folder.appendingPathComponent("\(name).schema.json")
        return SchemaValidator(try JSONValue(parsing: String(contentsOf: file, encoding: .utf8)), isClosed: true)
    }

    /// The schema violations in the JSON output of a command.
    ///
    /// Commands with one object per line are validated by line.
    static func violations(in text: String, of command: String) throws -> [String] {
        guard command == "events" || command == "logs" else {
            let value = try JSONValue(parsing: text)
            guard case .string(let mark)? = value["schema"], let name = mark.split(separator: "/").dropFirst().first
            else { return ["the member `schema` is missing"] }
            return try validator(String(name)).errors(in: value)
        }
        let lineValidator = try validator(command)
        return try JSONValue.parseLines(text).flatMap { lineValidator.errors(in: $0) }
    }
}

/// Expects that the JSON output of a command matches its schema.
func expectSchema(_ text: String, of arguments: [String], _ location: SourceLocation = #_sourceLocation) {
    let isJSON = zip(arguments, arguments.dropFirst()).contains { ["-o", "--output"].contains($0) && $1 == "json" }
    guard isJSON, !text.isEmpty, let command = arguments.first, command != "schema" else { return }
    // Several directories have one line each, which contains the document of one directory.
    guard arguments.count(where: { $0 == "--dir" }) < 2 else { return }
    do {
        let violations = try CommittedSchemas.violations(in: text, of: command)
        #expect(violations == [], "\(arguments): \(text)", sourceLocation: location)
    } catch {
        Issue.record("\(arguments): \(error): \(text)", sourceLocation: location)
    }
}

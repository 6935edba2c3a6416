import Foundation
import SchemaJudge
import Testing

/// The committed schemas, by name.
///
/// HeroViewTests compares them with the code; here every JSON that the program writes is judged by them.
enum CommittedSchemas {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../schemas").standardized

    static func validator(_ name: String) throws -> SchemaValidator {
        let file = folder.appendingPathComponent("\(name).schema.json")
        return SchemaValidator(try JSON(String(contentsOf: file, encoding: .utf8)), isClosed: true)
    }

    /// What is wrong with the JSON that a command wrote; a command that writes one object a line is judged by line.
    static func violations(in text: String, of command: String) throws -> [String] {
        guard command == "events" || command == "logs" else {
            let value = try JSON(text)
            guard case .string(let mark)? = value["schema"], let name = mark.split(separator: "/").dropFirst().first
            else { return ["there is no `schema`"] }
            return try validator(String(name)).errors(in: value)
        }
        let judge = try validator(command)
        return try JSON.lines(text).flatMap { judge.errors(in: $0) }
    }
}

/// Expects that what a command wrote with `-o json` keeps to its schema.
func expectSchema(_ text: String, of arguments: [String], _ location: SourceLocation = #_sourceLocation) {
    let isJSON = zip(arguments, arguments.dropFirst()).contains { ["-o", "--output"].contains($0) && $1 == "json" }
    guard isJSON, !text.isEmpty, let command = arguments.first, command != "schema" else { return }
    do {
        let mistakes = try CommittedSchemas.violations(in: text, of: command)
        #expect(mistakes == [], "\(arguments): \(text)", sourceLocation: location)
    } catch {
        Issue.record("\(arguments): \(error): \(text)", sourceLocation: location)
    }
}

public import HeroJSON
public import HeroModel

extension DiagnosticView {
    /// `heroproc/validate/v1`.
    ///
    /// - Parameters:
    ///   - diagnostics: the diagnostics, sorted by location.
    ///   - isStrict: whether warnings make the set invalid, too.
    /// - Returns: the document.
    public static func json(validating diagnostics: [Diagnostic], isStrict: Bool = false) -> JSONValue {
        [
            "schema": "heroproc/validate/v1",
            "valid": .bool(!diagnostics.contains { $0.severity == .error || isStrict }),
            "diagnostics": .array(diagnostics.map(jsonWithNotes)),
        ]
    }

    /// One diagnostic as it appears in plans.
    public static func json(_ diagnostic: Diagnostic) -> JSONValue {
        [
            "severity": .string(diagnostic.severity.rawValue),
            "code": .string(diagnostic.code),
            "message": .string(diagnostic.message),
            "help": JSONValue(diagnostic.help),
            "file": JSONValue(diagnostic.location?.file),
            "line": JSONValue(diagnostic.location?.line),
            "column": JSONValue(diagnostic.location?.column),
        ]
    }

    /// A diagnostic with its notes, such as the edges of a cycle or a first declaration.
    private static func jsonWithNotes(_ diagnostic: Diagnostic) -> JSONValue {
        guard case .object(let members) = json(diagnostic) else { return json(diagnostic) }
        let notes = diagnostic.notes.map { note -> JSONValue in
            [
                "message": .string(note.message),
                "file": .string(note.location.file),
                "line": JSONValue(note.location.line),
                "column": JSONValue(note.location.column),
            ]
        }
        return .object(members + [JSONValue.Member("notes", .array(notes))])
    }
}

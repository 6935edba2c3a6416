public import HeroJSON
public import HeroModel

/// A kind of diagnostic, described for tools that collect results.
public struct DiagnosticRule: Hashable, Sendable {
    /// The diagnostic code.
    public var code: String
    /// One sentence about the problem.
    public var summary: String

    /// Creates a rule.
    public init(_ code: String, _ summary: String) {
        self.code = code
        self.summary = summary
    }
}

/// Diagnostics as a SARIF log (OASIS "Static Analysis Results Interchange Format", version 2.1.0).
public struct SARIF: Sendable {
    /// The version of heroproc.
    public var version: String
    /// All kinds of diagnostics.
    public var rules: [DiagnosticRule]
    /// The absolute directory that file names are relative to; nil leaves them unchanged.
    public var base: String?
    /// The location of diagnostics about the set as a whole, because every SARIF result needs one.
    public var defaultFile: String

    /// Creates a log writer.
    public init(version: String, rules: [DiagnosticRule], base: String? = nil, defaultFile: String) {
        self.version = version
        self.rules = rules
        self.base = base
        self.defaultFile = defaultFile
    }

    /// A log with one run.
    public func json(_ diagnostics: [Diagnostic]) -> JSONValue {
        let driver: JSONValue = [
            "name": "heroproc",
            "version": .string(version),
            "rules": .array(rules.map(json)),
        ]
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                [
                    "tool": ["driver": driver],
                    // Columns count Unicode scalars, not UTF-16 code units.
                    "columnKind": "unicodeCodePoints",
                    "results": .array(diagnostics.map(json)),
                ]
            ],
        ]
    }

    private func json(_ rule: DiagnosticRule) -> JSONValue {
        [
            "id": .string(rule.code),
            "shortDescription": ["text": .string(rule.summary)],
        ]
    }

    private func json(_ diagnostic: Diagnostic) -> JSONValue {
        var members: [JSONValue.Member] = [.init("ruleId", .string(diagnostic.code))]
        if let index = rules.firstIndex(where: { $0.code == diagnostic.code }) {
            members.append(.init("ruleIndex", JSONValue(index)))
        }
        let help = diagnostic.help.map { "\n\($0)" } ?? ""
        members.append(.init("level", .string(diagnostic.severity.rawValue)))
        members.append(.init("message", ["text": .string(diagnostic.message + help)]))
        let location =
            diagnostic.location.map { location in
                physicalLocation(location, length: diagnostic.length, excerpt: diagnostic.excerpt)
            } ?? ["artifactLocation": ["uri": .string(ArtifactPath(base: base).uri(defaultFile))]]
        members.append(.init("locations", [["physicalLocation": location]]))
        if !diagnostic.notes.isEmpty {
            members.append(.init("relatedLocations", .array(diagnostic.notes.enumerated().map(json))))
        }
        return .object(members)
    }

    private func json(_ index: Int, _ note: Diagnostic.Note) -> JSONValue {
        [
            "id": JSONValue(index),
            "message": ["text": .string(note.message)],
            "physicalLocation": physicalLocation(note.location, length: nil, excerpt: note.excerpt),
        ]
    }

    private func physicalLocation(_ location: ManifestLocation, length: Int?, excerpt: String?) -> JSONValue {
        var region: [JSONValue.Member] = [
            .init("startLine", JSONValue(max(1, location.line))),
            .init("startColumn", JSONValue(max(1, location.column))),
        ]
        // The end column is exclusive.
        if let length { region.append(.init("endColumn", JSONValue(max(1, location.column) &+ max(1, length)))) }
        if let excerpt { region.append(.init("snippet", ["text": .string(excerpt)])) }
        return [
            "artifactLocation": ["uri": .string(ArtifactPath(base: base).uri(location.file))],
            "region": .object(region),
        ]
    }
}

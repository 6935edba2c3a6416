public import HeroModel

/// One kind of mistake, as a tool that gathers findings wants it described.
public struct DiagnosticRule: Hashable, Sendable {
    /// The code of its diagnostics.
    public var code: String
    /// One sentence on what is wrong.
    public var summary: String

    /// Makes a rule.
    public init(_ code: String, _ summary: String) {
        self.code = code
        self.summary = summary
    }
}

/// Diagnostics as a SARIF log (OASIS "Static Analysis Results Interchange Format", version 2.1.0).
public struct SARIF: Sendable {
    /// The version of heroproc.
    public var version: String
    /// Every kind of mistake there is.
    public var rules: [DiagnosticRule]
    /// The folder that file names are relative to, absolute; nil leaves them as they are.
    public var base: String?
    /// Where a mistake of the set as a whole is said to be: every finding needs a place to be shown at.
    public var defaultFile: String

    /// Makes a writer of logs.
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
                    // Columns count characters as Unicode does, not UTF-16 units.
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
            diagnostic.location.map { place in
                physicalLocation(place, length: diagnostic.length, excerpt: diagnostic.excerpt)
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

    private func physicalLocation(_ place: ManifestLocation, length: Int?, excerpt: String?) -> JSONValue {
        var region: [JSONValue.Member] = [
            .init("startLine", JSONValue(max(1, place.line))), .init("startColumn", JSONValue(max(1, place.column))),
        ]
        // The end is the column behind the last character.
        if let length { region.append(.init("endColumn", JSONValue(max(1, place.column) &+ max(1, length)))) }
        if let excerpt { region.append(.init("snippet", ["text": .string(excerpt)])) }
        return [
            "artifactLocation": ["uri": .string(ArtifactPath(base: base).uri(place.file))],
            "region": .object(region),
        ]
    }
}

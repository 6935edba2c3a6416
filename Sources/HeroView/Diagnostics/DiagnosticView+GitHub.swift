public import HeroModel

extension DiagnosticView {
    /// Diagnostics as workflow commands, one per line: GitHub shows them next to the changed lines of a pull request.
    ///
    /// - Parameters:
    ///   - diagnostics: the diagnostics, sorted by location.
    ///   - base: the absolute directory that file names are relative to; nil leaves them unchanged.
    /// - Returns: lines, each ended by a line feed; empty if there are no diagnostics.
    public static func github(_ diagnostics: [Diagnostic], base: String? = nil) -> String {
        diagnostics.map { annotation($0, ArtifactPath(base: base)) }.joined()
    }

    private static func annotation(_ diagnostic: Diagnostic, _ paths: ArtifactPath) -> String {
        var properties: [(key: String, value: String)] = []
        if let location = diagnostic.location {
            properties = [
                ("file", paths.relative(location.file)), ("line", String(location.line)),
                // Both ends count from 1, and the end column is inclusive.
                ("endLine", String(location.line)), ("col", String(location.column)),
                ("endColumn", String(location.column &+ max(1, diagnostic.length) &- 1)),
            ]
        }
        properties.append(("title", diagnostic.code))
        var lines = [diagnostic.message]
        for note in diagnostic.notes {
            let location = "\(paths.relative(note.location.file)):\(note.location.line):\(note.location.column)"
            lines.append("\(location): \(note.message)")
        }
        if let help = diagnostic.help {
            lines += help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
        return WorkflowCommand.annotation(diagnostic.severity.rawValue, properties, lines)
    }
}

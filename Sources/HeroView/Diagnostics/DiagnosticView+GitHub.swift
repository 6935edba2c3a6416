public import HeroModel

extension DiagnosticView {
    /// Diagnostics as workflow commands, one a line: GitHub shows them beside the changed lines of a pull request.
    ///
    /// Source of the format and its escapes: GitHub's "Workflow commands" and the runner's `ActionCommand`. Whatever
    /// an author writes stays data: it can neither end its line nor begin another command.
    ///
    /// - Parameters:
    ///   - diagnostics: what was found, sorted by place.
    ///   - base: the folder that file names are relative to, absolute; nil leaves them as they are.
    /// - Returns: lines, each ended by a line feed; empty when there are none.
    public static func github(_ diagnostics: [Diagnostic], base: String? = nil) -> String {
        diagnostics.map { command($0, ArtifactPath(base: base)) + "\n" }.joined()
    }

    private static func command(_ diagnostic: Diagnostic, _ paths: ArtifactPath) -> String {
        var properties: [(String, String)] = []
        if let place = diagnostic.location {
            properties = [
                ("file", paths.relative(place.file)), ("line", String(place.line)),
                // Both ends are counted from 1, the last column included.
                ("endLine", String(place.line)), ("col", String(place.column)),
                ("endColumn", String(place.column &+ max(1, diagnostic.length) &- 1)),
            ]
        }
        properties.append(("title", diagnostic.code))
        var lines = [diagnostic.message.printable]
        for note in diagnostic.notes {
            let place = "\(paths.relative(note.location.file)):\(note.location.line):\(note.location.column)"
            lines.append("\(place): \(note.message)".printable)
        }
        if let help = diagnostic.help {
            lines += help.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
        }
        let written = properties.map { "\($0.0)=\(escaped(property: $0.1))" }.joined(separator: ",")
        return "::\(diagnostic.severity.rawValue) \(written)::\(escaped(lines.joined(separator: "\n")))"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            case let other: result.unicodeScalars.append(other)
            }
        }
        return result
    }

    private static func escaped(property text: String) -> String {
        var result = ""
        for scalar in escaped(text.printable).unicodeScalars {
            switch scalar {
            case ":": result += "%3A"
            case ",": result += "%2C"
            case let other: result.unicodeScalars.append(other)
            }
        }
        return result
    }
}

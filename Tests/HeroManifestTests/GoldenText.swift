import HeroManifest
import HeroModel

/// Formats results for goldens.
enum GoldenText {
    /// Formats diagnostics with line, caret, notes and help.
    static func diagnostics(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.map { diagnostic in
            let prefix = diagnostic.location.map { "\($0): " } ?? ""
            var lines = ["\(prefix)\(diagnostic.severity.rawValue): \(diagnostic.message) [\(diagnostic.code)]"]
            if let excerpt = diagnostic.excerpt, let location = diagnostic.location {
                let before = excerpt.unicodeScalars.prefix(location.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
                lines.append("    | \(excerpt)")
                lines.append("    | \(before)\(String(repeating: "^", count: diagnostic.length))")
            }
            for note in diagnostic.notes {
                lines.append("  note: \(note.location): \(note.message): \(note.excerpt ?? "")")
            }
            if let help = diagnostic.help {
                lines.append(
                    "  help: "
                        + help.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n        ")
                )
            }
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    /// Formats a desired state as canonical lines, each with its location.
    static func desired(_ desired: DesiredState) -> String {
        var text = ""
        for (name, declared) in desired.services.sorted(by: { $0.key < $1.key }) {
            text += "service \(name) at \(declared.location)\n"
            for line in CanonicalSpec(declared.spec).text.split(separator: "\n") {
                let path = String(line.prefix { $0 != "\t" })
                let value = line.dropFirst(path.count + 1)
                text += "  \(path) = \(value)  @ \(declared.location(of: path))\n"
            }
            if let hold = declared.spec.hold { text += "  hold until \(hold.until.rfc3339Text): \(hold.reason)\n" }
        }
        for (name, declared) in desired.actions.sorted(by: { $0.key < $1.key }) {
            text += "action \(name) at \(declared.location)\n"
            for line in CanonicalSpec(standalone: declared.spec).text.split(separator: "\n") {
                let path = String(line.prefix { $0 != "\t" })
                text += "  \(path) = \(line.dropFirst(path.count + 1))  @ \(declared.location(of: path))\n"
            }
        }
        return text + settings(desired.settings)
    }

    private static func settings(_ settings: Settings) -> String {
        var lines = ["required: \(settings.required.map(\.description).joined(separator: " "))"]
        for (name, value) in settings.variables.sorted(by: { $0.key < $1.key }) {
            lines.append("vars.\(name): \(value)")
        }
        if settings.passedEnvironment != Settings.defaultPassedEnvironment {
            lines.append("pass_env: \(settings.passedEnvironment.joined(separator: " "))")
        }
        for rule in settings.retention {
            let parts = [
                rule.tag.map { "tag \($0)" }, rule.service.map { "service \($0)" }, rule.action.map { "action \($0)" },
                "phases [\(rule.phases.map(\.rawValue).joined(separator: " "))]",
                "older than \(Canonical.duration(rule.olderThan))",
            ]
            lines.append("retention: \(parts.compactMap(\.self).joined(separator: ", "))")
        }
        if let most = settings.maxDisruption { lines.append("max_disruption: \(most)") }
        if settings.settle != Settings().settle { lines.append("settle: \(Canonical.duration(settings.settle))") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Formats the documents as the store records them.
    static func documents(_ documents: [DocumentRecord]) -> String {
        documents.map { "\($0.kind) \($0.name?.description ?? "-") at \($0.place)\n" }.joined()
    }
}

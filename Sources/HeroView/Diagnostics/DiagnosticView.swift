public import HeroModel

/// Diagnostics as people, editors and CI read them (contract section 3).
public struct DiagnosticView: Sendable {
    /// What the place they go to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One diagnostic: `FILE:LINE:COL: error: MESSAGE [code]`, the line with a caret, notes, help.
    public func text(_ diagnostic: Diagnostic) -> String {
        let severity = diagnostic.severity
        var result = diagnostic.location.map { style.paint("\($0.description.printable):", .bold) + " " } ?? ""
        result += style.paint("\(severity.rawValue):", severity.textStyle)
        result += " \(diagnostic.message.printable) [\(diagnostic.code.printable)]\n"
        result += excerpt(
            diagnostic.excerpt,
            at: diagnostic.location,
            length: diagnostic.length,
            ink: severity.textStyle
        )
        for note in diagnostic.notes {
            result += style.paint("\(note.location.description.printable):", .bold) + " "
            result += style.paint("note:", .cyan) + " \(note.message.printable)\n"
            result += excerpt(note.excerpt, at: note.location, length: 1, ink: .cyan)
        }
        if let help = diagnostic.help {
            // The lines of a longer help, such as a manifest to copy, stand under each other.
            let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
            result += "  " + style.paint("help:", .green) + " \(lines.joined(separator: "\n        "))\n"
        }
        return result
    }

    /// All of them in their order, with a blank line between, and the summary; empty when there are none.
    public func text(_ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        return diagnostics.map { text($0) + "\n" }.joined() + summary(diagnostics) + "\n"
    }

    /// `2 errors, 1 warning`, without a line feed; empty when there are none.
    public func summary(_ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let warnings = diagnostics.count - errors
        var parts: [String] = []
        if errors > 0 { parts.append(style.paint(counted(errors, "error"), .red)) }
        if warnings > 0 { parts.append(style.paint(counted(warnings, "warning"), .yellow)) }
        return parts.joined(separator: ", ")
    }

    /// What `validate` says of a set: the diagnostics, or how much of it is good.
    ///
    /// - Parameters:
    ///   - diagnostics: what was found, sorted by place.
    ///   - services: how many services the set declares.
    ///   - files: in how many files.
    /// - Returns: lines, each ended by a line feed.
    public func validation(_ diagnostics: [Diagnostic], services: Int, files: Int) -> String {
        guard diagnostics.contains(where: { $0.severity == .error }) else {
            let good = "\(counted(services, "service")) in \(counted(files, "file")): no errors.\n"
            return text(diagnostics) + style.paint(good, .green)
        }
        return text(diagnostics)
    }

    private func excerpt(_ line: String?, at place: ManifestLocation?, length: Int, ink: TextStyle) -> String {
        guard let line, let place else { return "" }
        let number = String(place.line)
        let gutter = number.utf8.count + 4
        let excerpt = Excerpt(line, column: place.column, length: length, width: style.width.map { $0 - gutter })
        let blank = String(repeating: " ", count: number.utf8.count)
        // An empty line has nothing to show right of the bar, and no line ends in a blank.
        let shown = excerpt.text.isEmpty ? "" : " \(excerpt.text)"
        return " " + style.paint("\(number) |", .dim) + shown + "\n"
            + " " + style.paint("\(blank) |", .dim) + " " + style.paint(excerpt.caret, ink) + "\n"
    }
}

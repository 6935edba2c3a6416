public import HeroModel

/// Diagnostics for people, editors and CI (contract section 3).
public struct DiagnosticView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
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
            textStyle: severity.textStyle
        )
        for note in diagnostic.notes {
            result += style.paint("\(note.location.description.printable):", .bold) + " "
            result += style.paint("note:", .cyan) + " \(note.message.printable)\n"
            result += excerpt(note.excerpt, at: note.location, length: 1, textStyle: .cyan)
        }
        if let help = diagnostic.help {
            // Further lines of the help, such as a manifest to copy, are indented below the first line.
            let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
            result += "  " + style.paint("help:", .green) + " \(lines.joined(separator: "\n        "))\n"
        }
        return result
    }

    /// All diagnostics in their order, separated by blank lines, and the summary; empty if there are none.
    public func text(_ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        return diagnostics.map { text($0) + "\n" }.joined() + summary(diagnostics) + "\n"
    }

    /// `2 errors, 1 warning`, without a line feed; empty if there are none.
    public func summary(_ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let warnings = diagnostics.count - errors
        var parts: [String] = []
        if errors > 0 { parts.append(style.paint(counted(errors, "error"), .red)) }
        if warnings > 0 { parts.append(style.paint(counted(warnings, "warning"), .yellow)) }
        return parts.joined(separator: ", ")
    }

    /// The size of a valid set in one sentence, without a line feed: its services, standalone actions and files.
    public func sizeOfValidSet(services: Int, actions: Int, files: Int) -> String {
        let standalone = counted(actions, "standalone action")
        let content =
            switch (services, actions) {
            case (_, 0): counted(services, "service")
            case (0, _): standalone
            case (_, _): "\(counted(services, "service")) and \(standalone)"
            }
        return style.paint("\(content) in \(counted(files, "file")): no errors.", .green)
    }

    private func excerpt(_ line: String?, at location: ManifestLocation?, length: Int, textStyle: TextStyle) -> String {
        guard let line, let location else { return "" }
        let number = String(location.line)
        let gutter = number.utf8.count + 4
        let excerpt = Excerpt(line, column: location.column, length: length, width: style.width.map { $0 - gutter })
        let blank = String(repeating: " ", count: number.utf8.count)
        // An empty line has no text right of the bar, and no line ends with a space.
        let shown = excerpt.text.isEmpty ? "" : " \(excerpt.text)"
        return " " + style.paint("\(number) |", .dim) + shown + "\n"
            + " " + style.paint("\(blank) |", .dim) + " " + style.paint(excerpt.caret, textStyle) + "\n"
    }
}

/// A page in the format of man(7).
struct Roff {
    private(set) var text: String

    /// Begins a page.
    ///
    /// It has no date, so that the same sources give the same bytes.
    init(title: String, section: Int, version: String) {
        text = ".TH \"\(Self.escaped(title.uppercased()))\" \"\(section)\" \"\" \"heroproc \(Self.escaped(version))\" "
        text += "\"Manual of heroproc\"\n"
    }

    /// A heading.
    mutating func addSection(_ title: String) { text += ".SH \"\(Self.escaped(title.uppercased()))\"\n" }

    /// A heading below a section.
    mutating func addSubsection(_ title: String) { text += ".SS \"\(Self.escaped(title))\"\n" }

    /// A paragraph; text between backticks is bold.
    mutating func addParagraph(_ paragraph: String) { text += ".PP\n" + Self.line(paragraph) }

    /// An entry of a list: a term in bold, and its meaning.
    mutating func addEntry(_ term: String, _ meanings: [String]) {
        text += ".TP\n\\fB\(Self.escaped(term))\\fR\n"
        text += meanings.filter { !$0.isEmpty }.map(Self.line).joined(separator: ".br\n")
    }

    /// Lines that keep their spaces.
    mutating func addLines(_ lines: [String]) {
        text += ".PP\n.nf\n" + lines.map { Self.guarded(Self.escaped($0)) + "\n" }.joined() + ".fi\n"
    }

    private static func line(_ paragraph: String) -> String {
        let parts = escaped(paragraph).split(separator: "`", omittingEmptySubsequences: false)
        guard parts.count % 2 == 1 else { return guarded(escaped(paragraph)) + "\n" }
        var result = ""
        for (index, part) in parts.enumerated() { result += index % 2 == 0 ? part : "\\fB\(part)\\fR" }
        return guarded(result) + "\n"
    }

    /// The text without the meaning that its characters have in roff.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "'": result += "\\(aq"
            // The fonts of a printer have no such glyph.
            case "\u{2717}": result += "x"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            default: result.append(character)
            }
        }
        return result
    }

    /// A line that does not begin a request.
    private static func guarded(_ line: String) -> String { line.hasPrefix(".") ? "\\&" + line : line }
}

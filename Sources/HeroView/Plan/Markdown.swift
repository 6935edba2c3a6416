/// Texts as they are written in GitHub's markdown, so that nothing in them is markup.
enum Markdown {
    /// A text as code, for a cell of a table or a sentence.
    static func code(_ text: String) -> String {
        let text = text.printable
        guard !text.isEmpty else { return "" }
        var longest = 0
        var run = 0
        for character in text {
            run = character == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        let gap = text.hasPrefix("`") || text.hasSuffix("`") ? " " : ""
        // In a table even code is cut at a bar, unless it is escaped.
        return fence + gap + text.replacing("|", with: "\\|") + gap + fence
    }

    /// A text as words: nothing is emphasised, linked, or called by name; what stands in backticks stays code.
    static func escapedText(_ text: String) -> String {
        let parts = text.printable.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
        // An odd backtick is one.
        guard parts.count % 2 == 1 else { return parts.map(escaped).joined(separator: "\\`") }
        return parts.enumerated().map { $0 % 2 == 0 ? escaped($1) : code($1) }.joined()
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\", "`", "*", "_", "{", "}", "[", "]", "<", ">", "#", "|", "~", "!": result += "\\\(character)"
            case "&": result += "&amp;"
            // A joiner of no width, or somebody of that name is told.
            case "@": result += "@\u{2060}"
            default: result.append(character)
            }
        }
        return result
    }

    /// A line of a table.
    static func tableRow(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

    /// The head of a table.
    static func tableHeader(_ titles: [String]) -> String {
        tableRow(titles) + "|" + String(repeating: "---|", count: titles.count) + "\n"
    }

    /// Something that is shown when somebody opens it.
    static func collapsible(_ title: String, _ body: String) -> String {
        body.isEmpty ? "" : "\n<details><summary>\(title)</summary>\n\n\(body)\n</details>\n"
    }
}

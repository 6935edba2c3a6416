/// Escapes text for GitHub Markdown, so that nothing in it is markup.
enum Markdown {
    /// A text as inline code, for a table cell or a sentence.
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
        // A table cell ends at a bar, even inside code.
        return fence + gap + text.replacing("|", with: "\\|") + gap + fence
    }

    /// A text in which nothing is emphasized, linked or a mention; code in backticks stays code.
    static func escapedText(_ text: String) -> String {
        let parts = text.printable.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
        // An odd number of backticks is literal.
        guard parts.count % 2 == 1 else { return parts.map(escaped).joined(separator: "\\`") }
        return parts.enumerated().map { $0 % 2 == 0 ? escaped($1) : code($1) }.joined()
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\", "`", "*", "_", "{", "}", "[", "]", "<", ">", "#", "|", "~", "!": result += "\\\(character)"
            case "&": result += "&amp;"
            // A word joiner prevents a mention, which would notify a user of that name.
            case "@": result += "@\u{2060}"
            default: result.append(character)
            }
        }
        return result
    }

    /// A table row.
    static func tableRow(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

    /// A table header.
    static func tableHeader(_ titles: [String]) -> String {
        tableRow(titles) + "|" + String(repeating: "---|", count: titles.count) + "\n"
    }

    /// A section that is collapsed until a reader opens it.
    static func collapsible(_ title: String, _ body: String) -> String {
        body.isEmpty ? "" : "\n<details><summary>\(title)</summary>\n\n\(body)\n</details>\n"
    }
}

/// A word in a text style.
struct StyledWord {
    var text: String
    var style: TextStyle?

    init(_ text: String, _ textStyle: TextStyle? = nil) {
        self.text = text
        self.style = textStyle
    }
}

extension OutputStyle {
    /// Words separated by spaces, wrapped only on a terminal, because files are searched line by line.
    func wrappedOnTerminal(_ words: [StyledWord], indent: Int) -> String {
        guard let width = width else {
            return words.map { paint($0.text, $0.style) }.joined(separator: " ")
        }
        // A reason column that is too narrow to read starts on the next line instead.
        let minimum = 24
        guard width - indent >= minimum else { return "\n        " + wrapped(words, indent: 8) }
        return wrapped(words, indent: indent)
    }

    /// Words separated by spaces, with further lines indented; no line exceeds the wrap width unless a word does.
    func wrapped(_ words: [StyledWord], indent: Int) -> String {
        var result = ""
        var used = indent
        for word in words {
            let width = word.text.columns
            if used > indent, used + 1 + width > wrapWidth {
                result += "\n" + String(repeating: " ", count: indent)
                used = indent
            } else if used > indent {
                result += " "
                used += 1
            }
            result += paint(word.text, word.style)
            used += width
        }
        return result
    }
}

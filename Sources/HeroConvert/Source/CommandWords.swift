/// Splits commands into words.
enum CommandWords {
    /// One word of a command, with the quoting that it had.
    struct Word: Hashable {
        /// The text without quotes.
        var text: String
        /// Whether a part of it was quoted.
        var isQuoted = false
    }

    /// Splits a text as a shell does, without any expansion; nil if a quote is not closed.
    static func split(_ text: String) -> [String]? { words(text)?.map(\.text) }

    /// Splits a text as a shell does, and keeps whether a word was quoted.
    static func words(_ text: String) -> [Word]? {
        var words: [Word] = []
        var word: [UInt8] = []
        var isOpen = false
        var isQuoted = false
        var quote: UInt8?
        let bytes = Array(text.utf8)
        var index = 0
        func finish() {
            guard isOpen else { return }
            words.append(Word(text: String(decoding: word, as: UTF8.self), isQuoted: isQuoted))
            word = []
            isOpen = false
            isQuoted = false
        }
        while index < bytes.count {
            let byte = bytes[index]
            switch (quote, byte) {
            case (nil, 32), (nil, 9), (nil, 10), (nil, 13): finish()
            case (nil, UInt8(ascii: "'")), (nil, UInt8(ascii: "\"")):
                quote = byte
                isOpen = true
                isQuoted = true
            case (nil, UInt8(ascii: "\\")):
                index += 1
                isOpen = true
                if index < bytes.count, bytes[index] != 10 { word.append(bytes[index]) }
            case (let open?, _) where open == byte: quote = nil
            case (UInt8(ascii: "\"")?, UInt8(ascii: "\\"))
            where index + 1 < bytes.count && "\"\\$`".utf8.contains(bytes[index + 1]):
                index += 1
                word.append(bytes[index])
            default:
                isOpen = true
                word.append(byte)
            }
            index += 1
        }
        guard quote == nil else { return nil }
        finish()
        return words
    }

    private static let builtins: Set<String> = [
        "cd", ".", "source", "export", "set", "unset", "ulimit", "umask", "eval", "trap", "wait", "if", "for", "while",
        "until", "case", "{", "(", "!", "[[", "alias", "read", "shift", "exit", "return", "local", "function", "time",
        "type", "command", "builtin", "let", "declare",
    ]

    /// Whether the text needs a shell: operators, expansions, patterns or built-in commands.
    static func needsShell(_ text: String) -> Bool {
        if hasOperators(text) || hasExpansions(text) { return true }
        guard let words = words(text), let first = words.first else { return true }
        return builtins.contains(first.text)
    }

    /// Whether the text has more than one command: `|`, `&`, `;`, `<`, `>`, parentheses or a line break.
    static func hasOperators(_ text: String) -> Bool {
        unquoted(text).contains { "|&;<>()\n".utf8.contains($0) } || text.utf8.contains(UInt8(ascii: "`"))
    }

    /// Whether a shell would change a word: `$`, a pattern, or `~`.
    static func hasExpansions(_ text: String) -> Bool {
        var quote: UInt8?
        var previous: UInt8 = 32
        var isEscaped = false
        for byte in text.utf8 {
            defer { previous = byte }
            if isEscaped {
                isEscaped = false
                continue
            }
            if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
                continue
            }
            if let open = quote {
                if byte == open { quote = nil }
                if open == UInt8(ascii: "\""), byte == UInt8(ascii: "$") { return true }
                continue
            }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
            case UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["): return true
            case UInt8(ascii: "~") where previous == 32: return true
            case UInt8(ascii: "#") where previous == 32: return true
            default: break
            }
        }
        return false
    }

    /// Whether the text is one command without assignments in front and without a built-in command, so that `exec` can
    /// replace the shell by it.
    static func isSimpleCommand(_ text: String) -> Bool {
        guard !hasOperators(text), let words = words(text), let first = words.first else { return false }
        return !builtins.contains(first.text) && !isAssignment(first) && first.text != "exec"
    }

    /// Whether a word is `NAME=value`.
    static func isAssignment(_ word: Word) -> Bool {
        guard let equal = word.text.firstIndex(of: "=") else { return false }
        return ImportState.isEnvironmentName(String(word.text[..<equal]))
    }

    /// The bytes outside of quotes.
    private static func unquoted(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var quote: UInt8?
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                isEscaped = false
                continue
            }
            if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
            } else if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

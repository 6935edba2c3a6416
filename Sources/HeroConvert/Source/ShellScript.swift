/// A command of the form `sh -c "script"`, unpacked.
struct ShellScript {
    /// The command as a manifest has it.
    var command: ImportedCommand

    /// Unpacks a command; nil if it has another form.
    init?(_ words: [ImportedText]) {
        guard words.count == 3, let path = words[0].literal, let option = words[1].literal else { return nil }
        let shell = path.split(separator: "/").last.map(String.init) ?? ""
        guard ["sh", "bash", "dash", "ash", "zsh"].contains(shell), option.hasPrefix("-"), option.hasSuffix("c"),
            !option.hasPrefix("--")
        else { return nil }
        var script = words[2].shellText.trimmed
        guard !script.isEmpty else { return nil }
        if CommandWords.isSimpleCommand(script), !script.contains("\n") { script = "exec " + script }
        let interpreter = shell == "sh" || shell == "ash" || shell == "dash" ? nil : shell
        let isLogin = option.contains("l")
        // A login shell reads profiles, which `script` does not.
        if isLogin { return nil }
        command = .script(script, interpreter: interpreter)
    }
}

extension ImportedText {
    /// Creates a text that is one variable.
    init(variable name: String, fallback: String? = nil) {
        self.init()
        append(variable: name, fallback: fallback)
    }

    /// Splits the text as a shell does, without any expansion; variables stay in their word.
    ///
    /// - Returns: nil if a quote is open.
    func words() -> [ImportedText]? {
        // A variable is one character that no text of a configuration contains.
        let mark: Character = "\u{F8FF}"
        var names: [Piece] = []
        var flat = ""
        for piece in pieces {
            switch piece {
            case .literal(let text): flat += text.filter { $0 != mark }
            case .variable:
                names.append(piece)
                flat.append(mark)
            }
        }
        guard let words = CommandWords.split(flat) else { return nil }
        var next = 0
        return words.map { word in
            var result = ImportedText()
            for (index, part) in word.split(separator: mark, omittingEmptySubsequences: false).enumerated() {
                if index > 0 {
                    if next < names.count, case .variable(let name, let fallback) = names[next] {
                        result.append(variable: name, fallback: fallback)
                    }
                    next += 1
                }
                result.append(part)
            }
            return result
        }
    }
}

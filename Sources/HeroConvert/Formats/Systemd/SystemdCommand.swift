/// One command of a unit, such as that of `ExecStart`.
struct SystemdCommand {
    /// The command as a manifest has it.
    var command: ImportedCommand
    /// Whether a failure is ignored.
    var ignoresFailure = false
    /// Whether it has other rights than the unit.
    var hasOtherRights = false
    /// Whether the first word is not the path but the name that the program sees.
    var hasOwnName = false
    /// Whether it needs a shell for variables.
    var needsShell = false

    /// Parses a command.
    ///
    /// - Returns: nil if it is empty, a quote is not closed, or a specifier cannot be kept.
    init?(_ value: String, _ text: SystemdText) {
        var rest = Substring(value.trimmed)
        var expandsVariables = true
        scan: while let first = rest.first {
            switch first {
            case "-": ignoresFailure = true
            case "@": hasOwnName = true
            case ":": expandsVariables = false
            case "+", "!": hasOtherRights = true
            default: break scan
            }
            rest = rest.dropFirst()
        }
        guard var words = SystemdText.words(String(rest)), !words.isEmpty else { return nil }
        if hasOwnName, words.count > 1 { words.remove(at: 1) }
        var texts: [ImportedText] = []
        for word in words {
            guard let expanded = text.expand(word) else { return nil }
            texts.append(expanded)
        }
        if let script = ShellScript(texts) {
            command = ignoresFailure ? Self.ignoringFailure(script.command) : script.command
            return
        }
        needsShell = expandsVariables && words.contains(where: Self.hasVariable)
        if needsShell || ignoresFailure {
            let line = texts.map { Self.shellWord($0, expandsVariables) }.joined(separator: " ")
            command = .script(ignoresFailure ? line + " || true" : "exec " + line, interpreter: nil)
        } else {
            command = .exec(texts.map { $0.mapLiterals { $0.replacing("$$", with: "$") } })
        }
    }

    /// Whether the script uses specifiers that are variables of the manifest, which a script does not see.
    var variables: [String] = []

    private static func ignoringFailure(_ command: ImportedCommand) -> ImportedCommand {
        switch command {
        case .exec: command
        case .script(let text, let interpreter): .script("( \(text) ) || true", interpreter: interpreter)
        }
    }

    /// Whether a word has a variable of the environment.
    private static func hasVariable(_ word: String) -> Bool {
        let plain = word.replacing("$$", with: "")
        guard let dollar = plain.firstIndex(of: "$") else { return false }
        let next = plain[plain.index(after: dollar)...].first
        return next == "{" || next == "_" || next?.isLetter == true
    }

    /// Quotes a word for a shell; a word that is `$NAME` alone is split, as systemd does.
    private static func shellWord(_ text: ImportedText, _ expandsVariables: Bool) -> String {
        let word = text.shellText
        let name = word.dropFirst()
        if expandsVariables, word.first == "$", ImportState.isEnvironmentName(String(name)) { return word }
        if !word.isEmpty, word.utf8.allSatisfy({ isPlain($0) }) { return word }
        var result = "\""
        var rest = Substring(word)
        while let character = rest.first {
            rest = rest.dropFirst()
            switch character {
            case "\"", "\\", "`": result += "\\\(character)"
            case "$" where !expandsVariables || rest.first == "$":
                result += "\\$"
                if rest.first == "$", expandsVariables { rest = rest.dropFirst() }
            default: result.append(character)
            }
        }
        return result + "\""
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || "_-./:=,@%+".utf8.contains(byte)
    }
}

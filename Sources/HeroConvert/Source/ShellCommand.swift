/// A command that its supervisor gives to a shell.
struct ShellCommand {
    /// The command as a manifest has it.
    var command: ImportedCommand
    /// Assignments in front of the command.
    var environment: [(name: String, value: String)] = []
    /// What differs, for the report; nil if it is the same command.
    var difference: String?

    /// Converts the text of a command: one that needs no shell becomes a program with arguments.
    ///
    /// - Parameters:
    ///   - text: The command.
    ///   - interpreter: The shell of the source, unless it is `sh`.
    init(_ text: String, interpreter: String? = nil) {
        var text = text.trimmed
        if let words = CommandWords.words(text), words.first?.text == "exec", words.count > 1,
            !CommandWords.hasOperators(text)
        {
            text = String(text.dropFirst("exec".count)).trimmed
        }
        if let simple = Self.simple(text) {
            self = simple
            return
        }
        if CommandWords.isSimpleCommand(text) {
            command = .script("exec " + text, interpreter: interpreter)
            difference = "written as `script` with `exec`, so that signals reach the program"
        } else {
            command = .script(text, interpreter: interpreter)
            difference = "written as `script`, because it needs a shell"
        }
    }

    private init(command: ImportedCommand, environment: [(name: String, value: String)]) {
        self.command = command
        self.environment = environment
    }

    private static func simple(_ text: String) -> Self? {
        guard !CommandWords.hasOperators(text), !CommandWords.hasExpansions(text),
            let words = CommandWords.words(text)
        else { return nil }
        let assignments = words.prefix(while: CommandWords.isAssignment)
        let rest = words.dropFirst(assignments.count)
        let program = rest.map(\.text)
        guard let first = program.first, !first.isEmpty, !CommandWords.needsShell(first) else { return nil }
        let environment = assignments.map { word in
            let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts[0]), value: String(parts.count > 1 ? parts[1] : ""))
        }
        return Self(command: .exec(program.map { ImportedText($0) }), environment: environment)
    }
}

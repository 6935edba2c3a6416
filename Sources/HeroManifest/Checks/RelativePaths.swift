internal import HeroModel

extension ManifestSet {
    /// Warns about relative paths of programs and scripts that are looked up in `/`, because no `cwd` is given.
    mutating func checkRelativePaths() {
        guard settings.first?.settings.execution.workingDirectory == nil else { return }
        var reported: Set<Int> = []
        for index in services.indices where services[index].spec.workingDirectory == nil {
            for used in usedActions[index] {
                switch used {
                case .inline(let number): checkRelativePath(services[index].inlineActions[number])
                case .document(let number, _):
                    if reported.insert(number).inserted { checkRelativePath(actions[number]) }
                }
            }
        }
        for (number, action) in actions.enumerated() where action.spec.isStandalone {
            if reported.insert(number).inserted { checkRelativePath(action) }
        }
    }

    private mutating func checkRelativePath(_ action: ActionDraft) {
        guard action.spec.workingDirectory == nil, let path = RelativeProgram.path(in: action.arguments ?? []),
            let span = action.span(of: "exec")
        else { return }
        report(
            .relativePath,
            "`\(path)` is a relative path, which is looked up in `/` because no `cwd` is given",
            help: "write `cwd:` with its directory, or write the full path; "
                + "a relative `cwd` begins at the directory of this manifest",
            in: action.file,
            at: span,
            severity: .warning
        )
    }
}

/// Finds the relative path of a program, or of the script of an interpreter.
enum RelativeProgram {
    /// The interpreters whose scripts are recognized, without a version.
    private static let interpreters: Set<String> = [
        "bash", "bun", "dash", "deno", "java", "node", "perl", "php", "python", "ruby", "sh", "zsh",
    ]
    private static let endings = [
        ".cjs", ".jar", ".js", ".mjs", ".php", ".pl", ".py", ".rb", ".sh", ".ts",
    ]

    /// Returns the first relative path; nil if there is none.
    static func path(in arguments: [String]) -> String? {
        guard let program = arguments.first else { return nil }
        if program.contains("/"), !program.hasPrefix("/") { return program }
        let name = program.split(separator: "/").last ?? ""
        let base = String(name.prefix { !$0.isNumber && $0 != "." && $0 != "-" })
        guard interpreters.contains(base) else { return nil }
        return arguments.dropFirst().first { argument in
            !argument.hasPrefix("/") && !argument.hasPrefix("-") && endings.contains { argument.hasSuffix($0) }
                && !argument.contains(" ") && !argument.contains("\n")
        }
    }
}

/// The page of a command.
enum CommandPage {
    /// The page of a command, and those of its subcommands.
    ///
    /// - Parameters:
    ///   - root: The command.
    ///   - name: The words that call the command.
    ///   - version: The version, for the footer of each page.
    /// - Returns: the pages.
    static func pages(of root: CommandHelp, name: [String], version: String) -> [HeroManual.Page] {
        var pages: [HeroManual.Page] = []
        var remaining = [(root, name)]
        while let (command, name) = remaining.popLast() {
            pages.append(page(of: command, name: name, version: version))
            remaining += command.visibleSubcommands.map { ($0, name + [$0.commandName]) }
        }
        return pages
    }

    private static func page(of command: CommandHelp, name: [String], version: String) -> HeroManual.Page {
        let title = name.joined(separator: "-")
        var roff = Roff(title: title, section: 1, version: version)
        roff.addSection("Name")
        roff.addParagraph("\(title) - \(summary(command.abstract ?? ""))")
        roff.addSection("Synopsis")
        roff.addParagraph("`\(name.joined(separator: " "))` \(synopsis(command))")
        roff.addSection("Description")
        roff.addParagraph(command.abstract ?? "")
        addDiscussion(command.discussion ?? "", to: &roff)
        let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
        addArguments(arguments.filter { $0.kind == "positional" }, "Arguments", to: &roff)
        let options = arguments.filter { $0.kind != "positional" }
        addArguments(options.filter { $0.sectionTitle == nil }, "Options", to: &roff)
        for title in unique(options.compactMap(\.sectionTitle)) {
            addArguments(options.filter { $0.sectionTitle == title }, title, to: &roff)
        }
        let subcommands = command.visibleSubcommands
        if !subcommands.isEmpty {
            roff.addSection("Commands")
            for subcommand in subcommands {
                roff.addEntry((name + [subcommand.commandName]).joined(separator: " "), [subcommand.abstract ?? ""])
            }
        }
        roff.addSection("See also")
        let related =
            subcommands.map { "\(title)-\($0.commandName)(1)" } + [
                name.count > 1 ? "\(name.dropLast().joined(separator: "-"))(1)" : "heroproc-serve(1)",
                "heroproc-manifest(5)",
            ]
        roff.addParagraph(
            related.map { "`\($0.prefix { $0 != "(" })`\($0.drop { $0 != "(" })" }.joined(separator: ", ")
        )
        return HeroManual.Page(file: "\(title).1", text: roff.text)
    }

    /// The first sentence, as lines of apropos(1) have it.
    private static func summary(_ abstract: String) -> String {
        let sentence = abstract.split(separator: ". ", maxSplits: 1).first.map(String.init) ?? ""
        let text = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    private static func synopsis(_ command: CommandHelp) -> String {
        if !command.visibleSubcommands.isEmpty, command.arguments?.contains(where: { $0.sectionTitle != nil }) != true {
            return "COMMAND [OPTIONS]"
        }
        let positional = (command.arguments ?? []).filter { $0.kind == "positional" && $0.shouldDisplay }
        let words = positional.map { argument in
            let word = (argument.valueName ?? "value").uppercased() + (argument.isRepeating ? "..." : "")
            return argument.isOptional ? "[\(word)]" : word
        }
        return (["[OPTIONS]"] + words).joined(separator: " ")
    }

    /// Paragraphs, headings in capitals with a colon, and indented lines, which keep their spaces.
    private static func addDiscussion(_ discussion: String, to roff: inout Roff) {
        var indented: [String] = []
        func flush() {
            if !indented.isEmpty { roff.addLines(indented) }
            indented = []
        }
        for line in discussion.split(separator: "\n").map(String.init) {
            if line.hasPrefix("  ") {
                indented.append(line)
                continue
            }
            flush()
            if let heading = heading(line) { roff.addSection(heading) } else { roff.addParagraph(line) }
        }
        flush()
    }

    /// The heading that a line is: `EXIT CODES:`, or `HOW DO I ...`.
    private static func heading(_ line: String) -> String? {
        let title = line.hasSuffix(":") ? String(line.dropLast()) : line
        return title.allSatisfy { $0.isUppercase || " .".contains($0) } ? title : nil
    }

    private static func addArguments(_ arguments: [CommandHelp.Argument], _ title: String, to roff: inout Roff) {
        guard !arguments.isEmpty else { return }
        roff.addSection(title)
        for argument in arguments {
            var term = argument.spellings.joined(separator: ", ")
            if argument.kind == "positional" {
                term = (argument.valueName ?? "value").uppercased()
            } else if argument.kind == "option", let value = argument.valueName {
                term += " \(value.uppercased())"
            }
            roff.addEntry(
                term,
                [
                    argument.abstract ?? "",
                    argument.allValues.map { "One of: \($0.joined(separator: ", "))." } ?? "",
                    argument.defaultValue.map { "Default: \($0)." } ?? "",
                ]
            )
        }
    }

    private static func unique(_ titles: [String]) -> [String] {
        titles.enumerated().filter { titles.firstIndex(of: $0.element) == $0.offset }.map(\.element)
    }
}

import ArgumentParser

// A command takes in its options even when a subcommand's name stands before them; a subcommand that declares the same group
// of options finds there what was given.

/// Which jobs `jobs` shows, besides their tag.
struct JobFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Of this service: NAME or CONTEXT/NAME.", valueName: "name"))
    var service: ServiceArgument?

    @Option(help: ArgumentHelp("Of this action.", valueName: "name"))
    var action: String?

    @Option(help: ArgumentHelp("In this phase.", valueName: "phase"))
    var phase: PhaseArgument?

    @Option(name: [.customShort("n"), .long], help: "At most so many, the newest ones.")
    var limit: Int?

    /// Refuses a selection where it would not be heeded: nobody must lose more than was meant.
    func requireUnset(for command: String) throws {
        guard service == nil, action == nil, phase == nil, limit == nil else {
            throw ValidationError("--service, --action, --phase and --limit do not go with `\(command)`.")
        }
    }
}

/// The tag that jobs carry.
struct JobTagOptions: ParsableArguments {
    @Option(help: ArgumentHelp("With this tag.", valueName: "tag"))
    var tag: String?
}

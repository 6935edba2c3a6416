import ArgumentParser

// ArgumentParser assigns the options of a command to the command itself even after the name of a subcommand.
// A subcommand that declares the same option group receives the given values.

/// Selects the jobs that `jobs` shows, apart from their tag.
struct JobFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Show only jobs of this service: NAME or CONTEXT/NAME.", valueName: "name"))
    var service: ServiceArgument?

    @Option(help: ArgumentHelp("Show only jobs of this action.", valueName: "name"))
    var action: String?

    @Option(help: ArgumentHelp("Show only jobs in this phase.", valueName: "phase"))
    var phase: PhaseArgument?

    @Option(name: [.customShort("n"), .long], help: "Show at most this number of jobs, the newest ones.")
    var limit: Int?

    /// Refuses these options for a command that would ignore them: a cleanup must not remove more than intended.
    func requireUnset(for command: String) throws {
        guard service == nil, action == nil, phase == nil, limit == nil else {
            throw ValidationError("--service, --action, --phase and --limit cannot be used with `\(command)`.")
        }
    }
}

/// Selects jobs by tag.
struct JobTagOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Select jobs with this tag.", valueName: "tag"))
    var tag: String?
}

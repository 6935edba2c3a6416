import ArgumentParser
import HeroView

/// Shows the plan and touches nothing.
struct Diff: HeroCommand {
    typealias Format = PlanFormat

    static let configuration = CommandConfiguration(
        abstract: "Show what an apply would do, and why; touch nothing.",
        discussion: """
            Compares the manifests with what really runs. It takes no lock, makes no file and needs no reconciler.

            --against compares with something else: `revision:N` with the manifests of a recorded revision, `dir:PATH` \
            with those of another folder, `git:REF` with the services directory at a branch, tag or commit. All of the \
            base is taken as up; the last two need no state directory, so they work where nothing ever ran.

            EXAMPLES:
              heroproc diff                      what would change?
              heroproc diff -v                   what stays, too, and every field
              heroproc diff --only web           what would change for web, and with it?
              heroproc diff --revision 3         what would going back to revision 3 do?
              heroproc diff --against git:origin/main -o markdown
                                                 what would merging this branch do?
              heroproc diff -o json > plan.json  keep the plan for `apply --plan plan.json`

            EXIT CODES:
              0   nothing to do; what is only blocked is no difference
              1   something would change
              2   it cannot be planned, or would be refused
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var arguments: PlanArguments

    @Option(help: ArgumentHelp("What to compare with: runtime, revision:N, dir:PATH, git:REF.", valueName: "base"))
    var against: ComparisonBase = .runtime

    @Flag(help: "Accepted for those who come from terraform; the exit codes are always detailed, as above.")
    var detailedExitcode = false

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let showing = PlanPresenter(
            output: output,
            format: try resultFormat(),
            isVerbose: arguments.verbose,
            environment: composition.environment
        )
        return try showing.present(composition, against, arguments)
    }
}

extension PlanPresenter {
    /// What `diff` does, and `apply --dry-run`: reads, plans, shows.
    ///
    /// - Returns: the code to leave with.
    func present(_ composition: Workspace, _ base: ComparisonBase, _ arguments: PlanArguments) throws -> ExitCode {
        do {
            let reading = try PreparedPlan(
                composition,
                base,
                revision: arguments.revision,
                arguments.variables,
                arguments.options,
                output: output
            )
            show(reading)
            if arguments.revision == nil, let flaw = composition.servicesDirectoryFlaw {
                output.writeNote("`apply` will refuse this directory: \(flaw)")
            }
            return reading.code
        } catch let error as InvalidBaseError {
            show(errors: error.diagnostics)
            throw CommandError(error.message, help: error.help)
        }
    }
}

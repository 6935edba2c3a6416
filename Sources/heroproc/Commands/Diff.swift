import ArgumentParser
import HeroJSON
import HeroView

/// Shows the plan and changes nothing.
struct Diff: DirectoriesCommand {
    typealias Format = PlanFormat

    static let configuration = CommandConfiguration(
        abstract: "Show what an apply would do, and why; change nothing.",
        discussion: """
            Compares the manifests with the running services. Takes no lock, creates no file and needs no reconciler.

            --against compares with another base: `revision:N` with the manifests of a recorded revision, `dir:PATH` \
            with the manifests of another directory, `git:REF` with the services directory at a branch, tag or commit. \
            All services of the base count as running. `dir` and `git` need no state directory.

            Where the running reconciler follows a git repository, `diff` without --dir compares the newest fetched \
            commit with the running services.

            EXAMPLES:
              heroproc diff                      show what would change
              heroproc diff -v                   show unchanged services and all fields too
              heroproc diff --only web           show only web and affected services
              heroproc diff --revision 3         show the way back to revision 3
              heroproc diff --against git:origin/main -o markdown
                                                 show the changes of this branch
              heroproc diff -o json > plan.json  save the plan for `apply --plan plan.json`
              heroproc diff -d hosts/a -d hosts/b --against git:origin/main
                                                 show the changes of several hosts, and an overview

            FORMATS (-o):
              text, json, markdown (for a comment on a pull request) and github (annotations and a job summary)

            EXIT CODES:
              0   nothing to do; a blocked service is no difference
              1   something would change
              2   no plan is possible, or it would be refused
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var arguments: PlanArguments

    @Option(help: ArgumentHelp("The base to compare with: runtime, revision:N, dir:PATH, git:REF.", valueName: "base"))
    var against: ComparisonBase = .runtime

    @Flag(help: "Accepted for compatibility with terraform; the exit codes are always detailed.")
    var detailedExitcode = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let presenter = PlanPresenter(
            output: output,
            format: try resultFormat(),
            isVerbose: arguments.verbose,
            environment: workspace.environment
        )
        return try presenter.present(workspace.withFetchedCommit(common), against, arguments)
    }
}

import ArgumentParser
import HeroJSON
import HeroManifest
import HeroModel
import HeroView

/// Explains the state of one service.
struct Why: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain the state of a service or a standalone action.",
        discussion: """
            Shows the declared state and its place in the manifest, the dependencies that are not ready and why, how \
            the actions ended and their last output, the probe, and the time of the next retry. For a standalone action \
            it shows how the last run ended, and when or why it runs again. Works without a running reconciler.

            EXAMPLES:
              heroproc why web
              heroproc why core/hero_db
              heroproc why backup                    a standalone action
              heroproc why web -o json | jq -r .answer

            EXIT CODES:
              0   success
              2   unknown name, or the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(
        help: ArgumentHelp("A service or standalone action: NAME of context core, or CONTEXT/NAME.", valueName: "name")
    )
    var name: ServiceArgument

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        switch try StatusReader(workspace: workspace).explain(name.name, variables) {
        case .service(var report):
            report.lastOutput = try lastOutput(of: report.actionsWithProblems, workspace)
            switch output.format {
            case .text: output.writeResult(WhyView(output.results).text(report))
            case .json: output.writeResult(WhyView.json(report))
            }
        case .action(var report):
            if report.hasProblem {
                report.lastOutput = try lastOutput(of: [name.name.name], workspace)[name.name.name] ?? []
            }
            switch output.format {
            case .text: output.writeResult(WhyView(output.results).text(report))
            case .json: output.writeResult(WhyView.json(report))
            }
        }
        return .success
    }

    /// The number of lines per action that `why` shows; `logs` shows the rest.
    private static let shownLines = 3

    /// The last output lines of the last start of each action.
    private func lastOutput(of actions: [String], _ workspace: Workspace) throws -> [String: [String]] {
        guard !actions.isEmpty else { return [:] }
        let output = LastOutput(workspace: workspace)
        return try output.lines(of: name.name, Self.shownLines, LogSelection(isPrevious: false)).filter {
            actions.contains($0.key)
        }
    }
}

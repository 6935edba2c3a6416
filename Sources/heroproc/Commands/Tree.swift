import ArgumentParser
import HeroJSON
import HeroModel
import HeroView

/// Shows dependencies, or processes, as a tree.
struct Tree: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the dependencies of services, or with --processes their processes.",
        discussion: """
            Shows below each service the services it starts after: those it requires, and in parentheses those it only \
            wants or is ordered after. Reads the manifests of the services directory; no service has to run.

            With --processes it shows the running processes of each action: PID, program and age.

            EXAMPLES:
              heroproc tree
              heroproc tree web
              heroproc tree web --processes
              heroproc tree -o json | jq '.services[] | select(.wave == 1)'

            EXIT CODES:
              0   success
              2   unknown name, or the manifests have errors
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(help: ArgumentHelp("A service: NAME of context core, or CONTEXT/NAME. Default: all.", valueName: "name"))
    var name: ServiceArgument?

    @Flag(help: "Show the running processes instead of the dependencies.")
    var processes = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        if processes {
            let selection = name.map { [SelectorArgument.name($0.name)] } ?? []
            let report = try UsageReader(workspace: workspace).report(selection)
            switch output.format {
            case .text: output.writeResult(ProcessTreeView(output.results).text(report))
            case .json: output.writeResult(ProcessTreeView.json(report))
            }
            return .success
        }
        guard let map = try workspace.readDependencyMap(below: name?.name, variables, output) else { return .refused }
        switch output.format {
        case .text: output.writeResult(TreeView(output.results).text(map, of: name?.name))
        case .json: output.writeResult(map.json)
        }
        return .success
    }
}

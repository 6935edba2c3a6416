import ArgumentParser
import HeroManifest
import HeroModel
import HeroPlan
import HeroView

/// Shows dependencies as a tree.
struct Tree: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who depends on whom, with states and start waves.",
        discussion: """
            Below each service stands what it starts after: what it requires, and in brackets what it only wants or is \
            ordered after. The manifests are those of the services directory; nothing has to run.

            EXAMPLES:
              heroproc tree
              heroproc tree web
              heroproc tree -o json | jq '.services[] | select(.wave == 1)'

            EXIT CODES:
              0   shown
              2   unknown name, or the manifests have mistakes
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(help: ArgumentHelp("A service: NAME of context core, or CONTEXT/NAME. Default: all.", valueName: "name"))
    var name: ServiceArgument?

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        guard let map = try composition.readDependencyMap(below: name?.name, variables, output) else { return .refused }
        switch output.format {
        case .text: output.writeResult(TreeView(output.results).text(map, of: name?.name))
        case .json: output.writeResult(map.json)
        }
        return .success
    }
}

/// Writes dependencies for programs that draw them.
struct Graph: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the dependencies as a graph: for Graphviz, or as mermaid.",
        discussion: """
            EXAMPLES:
              heroproc graph | dot -Tsvg > services.svg
              heroproc graph web --format mermaid

            EXIT CODES:
              0   written
              2   unknown name, or the manifests have mistakes
            """
    )

    /// A language of graphs.
    enum Language: String, ExpressibleByArgument, CaseIterable {
        /// Graphviz.
        case dot
        /// What GitHub draws in markdown.
        case mermaid
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Option(help: "The language: dot or mermaid; with -o json it is what `tree` writes.")
    var format = Language.dot

    @Argument(help: ArgumentHelp("A service and what it depends on. Default: all.", valueName: "name"))
    var name: ServiceArgument?

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        guard let map = try composition.readDependencyMap(below: name?.name, variables, output) else { return .refused }
        switch (output.format, format) {
        case (.json, _): output.writeResult(map.json)
        case (.text, .dot): output.writeResult(GraphView.dot(map))
        case (.text, .mermaid): output.writeResult(GraphView.mermaid(map))
        }
        return .success
    }
}

extension Workspace {
    /// The dependencies that the services directory declares, with where each service stands.
    ///
    /// - Returns: nil when the manifests have mistakes, which are told.
    fileprivate func readDependencyMap(
        below name: QualifiedName?,
        _ variables: VariableOptions,
        _ output: Output
    ) throws -> DependencyMap? {
        let result = try readManifests(variables).result
        guard let desired = result.desired else {
            output.writeDiagnostics(result.diagnostics)
            return nil
        }
        let states = try StatusReader(workspace: self).serviceStates()
        // From nothing, every service that can be up is in a start wave.
        let waves = Planner.plan(desired, Observed()).startWaves
        var places: [QualifiedName: Int] = [:]
        for (index, wave) in waves.enumerated() {
            for name in wave { places[name] = index + 1 }
        }
        let map = DependencyMap(
            desired.services.map { name, service in
                DependencyMap.Node(service.spec, state: states[name], wave: places[name]) {
                    desired.services[$0] != nil
                }
            }
        )
        guard let name else { return map }
        try KnownNames(desired.services.keys.sorted()).requireKnown([name], inPlan: true)
        return map.subgraph(name)
    }
}

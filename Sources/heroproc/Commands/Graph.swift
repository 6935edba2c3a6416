import ArgumentParser
import HeroJSON
import HeroModel
import HeroView

/// Writes dependencies in the language of a drawing program.
struct Graph: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the dependencies as a graph for Graphviz or Mermaid.",
        discussion: """
            EXAMPLES:
              heroproc graph | dot -Tsvg > services.svg
              heroproc graph web --format mermaid

            EXIT CODES:
              0   success
              2   unknown name, or the manifests have errors
            """
    )

    /// A graph language.
    enum Language: String, ExpressibleByArgument, CaseIterable {
        /// Graphviz.
        case dot
        /// Mermaid, which GitHub draws in Markdown.
        case mermaid
    }

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Option(help: "The graph language: dot or mermaid. With -o json the output is that of `tree`.")
    var format = Language.dot

    @Argument(help: ArgumentHelp("A service, shown with its dependencies. Default: all.", valueName: "name"))
    var name: ServiceArgument?

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        guard let map = try workspace.readDependencyMap(below: name?.name, variables, output) else { return .refused }
        switch (output.format, format) {
        case (.json, _): output.writeResult(map.json)
        case (.text, .dot): output.writeResult(GraphView.dot(map))
        case (.text, .mermaid): output.writeResult(GraphView.mermaid(map))
        }
        return .success
    }
}

import ArgumentParser

/// Prints a JSON Schema.
struct Schema: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema of manifests, or of the JSON output of a command.",
        discussion: """
            The schemas follow draft 2020-12. Editors can use the schema of manifests: write \
            `# yaml-language-server: $schema=PATH` in the first line of a manifest.

            EXAMPLES:
              heroproc schema manifest > manifest.schema.json
              heroproc schema plan | jq .properties

            EXIT CODES:
              0   success
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(help: "The name of the schema: \(SchemaName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var name: SchemaName

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        output.writeResult(name.text)
        return .success
    }
}

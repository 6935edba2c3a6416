import ArgumentParser
import HeroManifest
import HeroView

/// Prints a JSON Schema.
struct Schema: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema of manifests, or of what a command writes.",
        discussion: """
            The schemas are of draft 2020-12. That of manifests is for editors: name it in the first line of a file, as \
            `# yaml-language-server: $schema=PATH`.

            EXAMPLES:
              heroproc schema manifest > manifest.schema.json
              heroproc schema plan | jq .properties

            EXIT CODES:
              0   printed
            """
    )

    @OptionGroup var common: CommonOptions

    @Argument(help: "Which one: \(SchemaName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var name: SchemaName

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        output.result(name.schema.json)
        return .good
    }
}

/// The schemas by the words they are asked for with.
struct SchemaName: ExpressibleByArgument, CaseIterable, RawRepresentable {
    let schema: OutputSchema
    static let allCases = OutputSchema.allCases.map(SchemaName.init(schema:))
    var rawValue: String { schema.rawValue }

    private init(schema: OutputSchema) { self.schema = schema }

    init?(rawValue: String) {
        guard let schema = OutputSchema(rawValue: rawValue) else { return nil }
        self.schema = schema
    }
}

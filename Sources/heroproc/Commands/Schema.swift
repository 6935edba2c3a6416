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

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        output.writeResult(name.text)
        return .success
    }
}

/// The schemas by the words they are asked for with.
struct SchemaName: ExpressibleByArgument, CaseIterable, RawRepresentable {
    static let allCases = [manifest] + OutputSchema.allCases.map { SchemaName($0.rawValue, $0.text) }
    /// What can stand in a manifest.
    static let manifest = SchemaName("manifest", ManifestSchema.json)

    let rawValue: String
    /// The schema as a document, ended by a line feed.
    let text: String

    private init(_ name: String, _ text: String) {
        rawValue = name
        self.text = text
    }

    init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }
}

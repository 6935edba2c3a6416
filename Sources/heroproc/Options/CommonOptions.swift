import ArgumentParser

/// What all commands take.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The services directory (env HEROPROC_DIR). Default: ./services.d if it is there, else the system's or yours.",
            valueName: "path"
        )
    )
    var dir: String?

    @Option(
        help: ArgumentHelp(
            "The state directory (env HEROPROC_STATE). Default: /var/lib/heroproc for root, else yours.",
            valueName: "path"
        )
    )
    var state: String?

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp(
            "How results are written: text or json; `diff` also writes markdown and github, `validate` github and sarif.",
            valueName: "format"
        ),
        completion: .list(["text", "json", "markdown", "github", "sarif"])
    )
    var outputFormat = "text"

    @Flag(name: .customLong("no-color"), help: "No colours (env NO_COLOR).")
    var noColor = false

    @Flag(name: .shortAndLong, help: "Only results and errors: no progress, no notes.")
    var quiet = false
}

/// The formats that a command can write, by the words they are asked for with.
protocol ResultFormat: RawRepresentable, CaseIterable, Sendable where RawValue == String {}

/// How most commands write results.
enum OutputFormat: String, ResultFormat {
    /// For people.
    case text
    /// For tools: one document, or one object a line.
    case json
}

import ArgumentParser

/// The options of all commands.
struct CommonOptions: ParsableArguments {
    /// The title of their group in help texts.
    static let title = "Common Options"

    @Option(
        name: [.customShort("d"), .customLong("dir")],
        help: ArgumentHelp(
            "The services directory (env HEROPROC_DIR). Default: ./services.d, else that of the system or user.",
            valueName: "path"
        )
    )
    var directories: [String] = []

    /// The one services directory; nil if none is given.
    var dir: String? {
        get { directories.last }
        set { directories = newValue.map { [$0] } ?? [] }
    }

    @Option(
        help: ArgumentHelp(
            "The state directory (env HEROPROC_STATE). Default: /var/lib/heroproc, or that of the user.",
            valueName: "path"
        )
    )
    var state: String?

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp(
            "The format of the result: text or json. Other formats are listed above where a command has them.",
            valueName: "format"
        ),
        completion: .list(["text", "json", "markdown", "github", "sarif"])
    )
    var outputFormat = "text"

    @Flag(name: .customLong("no-color"), help: "Print no colors (env NO_COLOR).")
    var noColor = false

    @Flag(name: .shortAndLong, help: "Print only results and errors, no progress and no notes.")
    var quiet = false
}

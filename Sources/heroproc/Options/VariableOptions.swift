import ArgumentParser

/// The options that set variables of manifests.
struct VariableOptions: ParsableArguments {
    @Option(
        name: .customLong("var"),
        help: ArgumentHelp(
            "Set the value of ${NAME} in manifests; repeatable. Overrides `vars` of the settings.",
            valueName: "name=value"
        )
    )
    var variables: [VariableArgument] = []

    /// The values by name; the last value of a name counts.
    var values: [String: String] {
        Dictionary(variables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
}

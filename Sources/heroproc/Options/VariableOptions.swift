import ArgumentParser

/// Values for the variables of manifests.
struct VariableOptions: ParsableArguments {
    @Option(
        name: .customLong("var"),
        help: ArgumentHelp(
            "The value of ${NAME} in manifests; may be given several times. Stronger than vars of the settings.",
            valueName: "name=value"
        )
    )
    var variables: [VariableArgument] = []

    /// The values by name; of two for one name the later counts.
    var values: [String: String] {
        Dictionary(variables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
}

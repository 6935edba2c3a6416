import ArgumentParser

/// The options of commands that wait for a change.
struct WaitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The maximum time to wait for the result: 500ms, 60s, 10m.", valueName: "duration"))
    var timeout = DurationArgument(.seconds(60))
}

import ArgumentParser

/// How long a command waits for what it ordered.
struct WaitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How long to wait until all stands: 500ms, 60s, 10m.", valueName: "duration"))
    var timeout = DurationArgument(.seconds(60))
}

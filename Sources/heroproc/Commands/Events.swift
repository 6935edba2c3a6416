import ArgumentParser
import HeroStore
import HeroView

/// Shows what happened.
struct Events: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what happened, oldest first.",
        discussion: """
            EXAMPLES:
              heroproc events                 the last 100
              heroproc events --since 10m
              heroproc events -f -o json | jq 'select(.level == "error")'

            EXIT CODES:
              0   shown
              2   the database cannot be read
            """
    )

    @OptionGroup var common: CommonOptions

    @Flag(name: .shortAndLong, help: "Go on with what happens from now on.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "At most so many, the newest ones.")
    var limit = 100

    @Option(help: ArgumentHelp("Not older than this: 30s, 10m, 2h.", valueName: "duration"))
    var since: DurationArgument?

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let start = since.map { composition.now.earlier(by: $0.duration) }
        var last: Int64 = 0
        var reader = try composition.openReader()
        for entry in try reader?.numberedEvents(EventFilter(since: start, limit: limit)) ?? [] {
            show(entry, output, &last)
        }
        while follow, !output.hasLostReader {
            pause(milliseconds: 250)
            if reader == nil { reader = try composition.openReader() }
            for entry in try reader?.numberedEvents(EventFilter(after: last, limit: 1000)) ?? [] {
                show(entry, output, &last)
            }
        }
        return .success
    }

    private func show(_ entry: NumberedEvent, _ output: Output, _ last: inout Int64) {
        last = max(last, entry.id)
        switch output.format {
        case .text: output.writeResult(EventsView(output.results).line(entry.event))
        case .json: output.writeResult(EventsView.jsonLine(entry.event))
        }
    }
}

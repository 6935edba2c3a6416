import ArgumentParser
import HeroJSON
import HeroStore
import HeroView

/// Shows recorded events.
struct Events: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show recorded events, oldest first.",
        discussion: """
            EXAMPLES:
              heroproc events                 show the last 100 events
              heroproc events --since 10m
              heroproc events -f -n 0         show only new events
              heroproc events -f -o json | jq 'select(.level == "error")'

            EXIT CODES:
              0   success
              2   the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Flag(name: .shortAndLong, help: "Show new events as they happen.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "Show at most this number of events, the newest ones.")
    var limit = 100

    @Option(help: ArgumentHelp("Show only events that are not older: 30s, 10m, 2h.", valueName: "duration"))
    var since: DurationArgument?

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let start = since.map { workspace.now.earlier(by: $0.duration) }
        var reader = try workspace.openReader()
        // The events that the options leave out are not new ones.
        var last = try reader?.numberedEvents(EventFilter(limit: 1)).last?.id ?? 0
        for entry in try reader?.numberedEvents(EventFilter(since: start, limit: limit)) ?? [] {
            show(entry, output, &last)
        }
        while follow, !output.hasLostReader {
            pause(milliseconds: 250)
            if reader == nil { reader = try workspace.openReader() }
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

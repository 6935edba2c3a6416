import ArgumentParser
import HeroJSON
import HeroView

/// Shows what the processes of services use.
struct Stats: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the processor time, memory, processes, threads and open files of services.",
        discussion: """
            Counts the whole process tree of each service, without heroproc's own shims. MEMORY is the proportional \
            share (PSS), so shared memory counts once. A number that this user may not read is shown as `?`, in JSON \
            as null. With --watch, CPU% is the share of one processor since the last refresh.

            EXAMPLES:
              heroproc stats
              heroproc stats web core/hero_db
              heroproc stats --watch
              heroproc stats -o json | jq '.services[] | select(.memory_bytes > 100000000)'

            EXIT CODES:
              0   success
              2   unknown name, or the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(help: ArgumentHelp("Services: \(SelectorArgument.forms). Default: all.", valueName: "name"))
    var names: [SelectorArgument] = []

    @Flag(name: .shortAndLong, help: "Refresh every second until Ctrl-C.")
    var watch = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let reader = UsageReader(workspace: workspace)
        var earlier: UsageReport?
        repeat {
            if earlier != nil { pause(milliseconds: 1000) }
            let report = try reader.report(names)
            show(report, since: earlier, output)
            earlier = report
        } while watch && !output.hasLostReader
        return .success
    }

    private func show(_ report: UsageReport, since earlier: UsageReport?, _ output: Output) {
        switch output.format {
        case .json:
            let document = StatsView.json(report)
            if watch { output.writeResult(document.text(.compact) + "\n") } else { output.writeResult(document) }
        case .text:
            output.writeScreen(StatsView(output.results).text(report, since: earlier), isRefreshed: watch)
        }
    }
}

import ArgumentParser
import HeroJSON
import HeroModel
import HeroView

/// Shows the state of services.
struct Status: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the state of services, verified against the kernel.",
        discussion: """
            Works without a running reconciler. The last line shows whether a reconciler is running.

            EXAMPLES:
              heroproc status
              heroproc status web core/hero_db
              heroproc status tag:http billing/
              heroproc status --watch
              heroproc status -o json | jq '.services[] | select(.state != "running")'

            EXIT CODES:
              0   every service is in its declared state, or as a `down` left it
              1   a service is not in its declared state, for example blocked or failed; programs run and \
                  no reconciler is running; or the last change of the services directory was refused
              2   unknown name, or the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(help: ArgumentHelp("Services: \(SelectorArgument.forms). Default: all.", valueName: "name"))
    var names: [SelectorArgument] = []

    @Flag(name: .shortAndLong, help: "Refresh every second until Ctrl-C.")
    var watch = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let reading = StatusReader(workspace: workspace)
        var report = try reading.report(names)
        show(report, output)
        while watch, !output.hasLostReader {
            pause(milliseconds: 1000)
            report = try reading.report(names)
            show(report, output)
        }
        return report.isAllAsWanted ? .success : .differs
    }

    private func show(_ report: StatusReport, _ output: Output) {
        switch output.format {
        case .json:
            guard watch else { return output.writeResult(StatusView.json(report)) }
            output.writeResult(StatusView.json(report).text(.compact) + "\n")
        case .text:
            output.writeScreen(StatusView(output.results).text(report), isRefreshed: watch)
        }
    }
}

import ArgumentParser
import HeroModel
import HeroView

/// Shows what runs.
struct Status: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what runs, checked against the kernel.",
        discussion: """
            It needs no live reconciler; the last line says whether there is one.

            EXAMPLES:
              heroproc status
              heroproc status web core/hero_db
              heroproc status --watch
              heroproc status -o json | jq '.services[] | select(.state != "running")'

            EXIT CODES:
              0   all as wanted
              1   something is not, blocked and failed included
              2   unknown name, or it cannot be read
            """
    )

    @OptionGroup var common: CommonOptions

    @Argument(help: ArgumentHelp("Services: NAME of context core, or CONTEXT/NAME. Default: all.", valueName: "name"))
    var names: [ServiceArgument] = []

    @Flag(name: .shortAndLong, help: "Refresh every second until Ctrl-C.")
    var watch = false

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let reading = StatusReader(workspace: composition)
        var report = try reading.report(names.map(\.name))
        show(report, output)
        while watch, !output.hasLostReader {
            pause(milliseconds: 1000)
            report = try reading.report(names.map(\.name))
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
            let text = StatusView(output.results).text(report)
            // From the top left corner, and clear what is below.
            output.writeResult(watch && output.isResultsTerminal ? "\u{1B}[H\u{1B}[2J" + text : text)
        }
    }
}

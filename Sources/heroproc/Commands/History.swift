import ArgumentParser
import HeroJSON
import HeroStore
import HeroView

/// Shows the applied revisions.
struct History: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the applied revisions, newest first.",
        discussion: """
            EXAMPLES:
              heroproc history
              heroproc history -n 1 -o json | jq '.revisions[0].git_commit'

            EXIT CODES:
              0   success
              2   the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Option(name: [.customShort("n"), .long], help: "Show at most this number of revisions.")
    var limit = 20

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let revisions = try workspace.openReader()?.revisions(limit: limit) ?? []
        switch output.format {
        case .text: output.writeResult(HistoryView(output.results).text(revisions, now: workspace.now))
        case .json: output.writeResult(HistoryView.json(revisions))
        }
        return .success
    }
}

import ArgumentParser
import HeroModel
import HeroStore
import HeroView

/// Shows jobs.
struct Jobs: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show jobs: one record for each action in each run, through all its restarts.",
        discussion: """
            EXAMPLES:
              heroproc jobs
              heroproc jobs --service web --phase failed
              heroproc jobs --tag http -o json | jq '.jobs[].restart_count'
              heroproc jobs show 17              one job with all its starts

            EXIT CODES:
              0   shown
              2   unknown service, or the database cannot be read
            """,
        subcommands: [JobsShow.self]
    )

    @OptionGroup var common: CommonOptions

    @Option(help: ArgumentHelp("Of this service: NAME or CONTEXT/NAME.", valueName: "name"))
    var service: ServiceArgument?

    @Option(help: ArgumentHelp("Of this action.", valueName: "name"))
    var action: String?

    @Option(help: ArgumentHelp("With this tag.", valueName: "tag"))
    var tag: String?

    @Option(help: ArgumentHelp("In this phase.", valueName: "phase"))
    var phase: PhaseArgument?

    @Option(name: [.customShort("n"), .long], help: "At most so many, the newest ones.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let reader = try composition.reader()
        let filter = JobFilter(
            context: service?.name.context,
            service: service?.name.name,
            action: action,
            tag: tag,
            phase: phase?.phase,
            limit: limit
        )
        let jobs = try reader?.jobs(filter).map { $0.checked().job } ?? []
        if jobs.isEmpty, let service {
            // Jobs outlive their service: only a name without any is looked up.
            let names = try reader?.serviceSummaries().map(\.name) ?? []
            let any = JobFilter(context: service.name.context, service: service.name.name, limit: 1)
            if try reader?.jobs(any).isEmpty ?? true { try KnownNames(names).require([service.name]) }
        }
        switch output.format {
        case .text: output.result(JobsView(output.results).text(jobs, now: composition.now))
        case .json: output.result(JobsView.json(jobs))
        }
        return .good
    }
}

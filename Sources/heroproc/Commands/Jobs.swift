import ArgumentParser
import HeroManifest
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
              heroproc jobs show 17              one job with its last starts
              heroproc jobs cleanup --tag ci --older-than 7d

            EXIT CODES:
              0   shown
              2   unknown service or action, or the database cannot be read
            """,
        subcommands: [JobsShow.self, JobsCleanup.self]
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: JobsSelection
    @OptionGroup var tagged: JobsTag

    func validate() throws {
        if let limit = selection.limit, limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let reader = try composition.reader()
        let service = selection.service
        let action = selection.action
        let filter = JobFilter(
            context: service?.name.context,
            service: service?.name.name,
            action: action,
            tag: tagged.tag,
            phase: selection.phase?.phase,
            limit: selection.limit
        )
        let jobs = try reader?.jobs(filter).map { $0.checked().job } ?? []
        if jobs.isEmpty, let service {
            // Jobs outlive their service: only a name without any is looked up.
            let names = try reader?.serviceSummaries().map(\.name) ?? []
            let any = JobFilter(context: service.name.context, service: service.name.name, limit: 1)
            if try reader?.jobs(any).isEmpty ?? true { try KnownNames(names).require([service.name]) }
        }
        let upcoming = try upcoming(reader)
        if jobs.isEmpty, upcoming.isEmpty, let action { try require(action, reader) }
        switch output.format {
        case .text: output.result(JobsView(output.results).text(jobs, upcoming: upcoming, now: composition.now))
        case .json: output.result(JobsView.json(jobs, upcoming: upcoming))
        }
        return .good
    }

    /// The standalone actions among what is asked for: only an action's name can mean them before they have run.
    private func upcoming(_ reader: StateReader?) throws -> [UpcomingRun] {
        guard selection.service == nil, tagged.tag == nil, selection.phase == nil else { return [] }
        let action = selection.action
        return try (reader?.standaloneSummaries() ?? []).filter { action == nil || action == $0.name.name }.map {
            UpcomingRun(
                $0.name,
                job: $0.job,
                nextRunAt: $0.nextRunAt,
                lastDueAt: $0.lastDueAt,
                isRunPending: $0.isRunPending,
                isWaiting: $0.isWaiting
            )
        }
    }

    /// Refuses an action that nobody ever knew, and says which one was probably meant.
    private func require(_ action: String, _ reader: StateReader?) throws {
        let names = try reader?.actionNames() ?? []
        guard !names.contains(action) else { return }
        let near = Suggestion.nearest(action, names).map { "did you mean `\($0)`?" }
        let help = names.isEmpty ? "nothing was applied yet: `heroproc apply`" : "`heroproc jobs` shows all there are"
        throw Refusal("there is no action \(action)", help: near ?? help)
    }
}

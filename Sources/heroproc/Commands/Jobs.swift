import ArgumentParser
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroStore
import HeroView

/// Shows jobs.
struct Jobs: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show jobs. A job is one action in one run of its service, with all restarts.",
        discussion: """
            EXAMPLES:
              heroproc jobs
              heroproc jobs --service web --phase failed
              heroproc jobs --tag http -o json | jq '.jobs[].restart_count'
              heroproc jobs show 17              show one job with its last starts
              heroproc jobs cleanup --tag ci --older-than 7d

            EXIT CODES:
              0   success
              2   unknown service or action, or the database cannot be read
            """,
        subcommands: [JobsShow.self, JobsCleanup.self]
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var filterOptions: JobFilterOptions
    @OptionGroup var tagOptions: JobTagOptions

    func validate() throws {
        if let limit = filterOptions.limit, limit < 0 { throw ValidationError("--limit cannot be less than 0.") }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let reader = try workspace.openReader()
        let service = filterOptions.service
        let action = filterOptions.action
        let filter = JobFilter(
            context: service?.name.context,
            service: service?.name.name,
            action: action,
            tag: tagOptions.tag,
            phase: filterOptions.phase?.phase,
            limit: filterOptions.limit
        )
        let hasReconciler = ReconcilerLock.holder(workspace.paths) != nil
        let jobs = try reader?.jobs(filter).map { $0.verified(workspace.paths, hasReconciler: hasReconciler).job } ?? []
        if jobs.isEmpty, let service {
            // Jobs remain after their service is removed, so only a name without jobs may be unknown.
            let names = try reader?.serviceSummaries().map(\.name) ?? []
            let any = JobFilter(context: service.name.context, service: service.name.name, limit: 1)
            if try reader?.jobs(any).isEmpty ?? true { try KnownNames(names).requireKnown([service.name]) }
        }
        let upcoming = try upcomingRuns(reader)
        if jobs.isEmpty, upcoming.isEmpty, let action { try requireKnownAction(action, reader) }
        switch output.format {
        case .text: output.writeResult(JobsView(output.results).text(jobs, upcoming: upcoming, now: workspace.now))
        case .json: output.writeResult(JobsView.json(jobs, upcoming: upcoming))
        }
        return .success
    }

    /// The selected standalone actions.
    ///
    /// Before their first run only the name of the action can select them.
    private func upcomingRuns(_ reader: StateReader?) throws -> [UpcomingRun] {
        guard filterOptions.service == nil, tagOptions.tag == nil, filterOptions.phase == nil else { return [] }
        let action = filterOptions.action
        return try (reader?.standaloneSummaries() ?? []).filter { action == nil || action == $0.name.name }.map {
            UpcomingRun(
                $0.name,
                job: $0.job,
                nextRunAt: $0.nextRunAt,
                lastDueAt: $0.lastDueAt,
                isRunPending: $0.requestedRun == .pending,
                isWaiting: $0.isRunQueued
            )
        }
    }

    /// Refuses an action that was never recorded, and suggests a similar name.
    private func requireKnownAction(_ action: String, _ reader: StateReader?) throws {
        let names = try reader?.actionNames() ?? []
        guard !names.contains(action) else { return }
        let near = Suggestion.nearest(action, names).map { "did you mean `\($0)`?" }
        let help = names.isEmpty ? "nothing was applied yet: `heroproc apply`" : "`heroproc jobs` lists all jobs"
        throw CommandError("there is no action \(action)", help: near ?? help)
    }
}

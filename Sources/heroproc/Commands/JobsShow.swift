import ArgumentParser
import HeroJSON
import HeroLinux
import HeroModel
import HeroStore
import HeroView

/// Shows one job.
struct JobsShow: HeroCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one job: its origin, its log file, and its last 20 starts with their results.",
        discussion: """
            EXAMPLES:
              heroproc jobs show 17
              heroproc jobs show 17 -o json

            EXIT CODES:
              0   success
              2   no job has this number, or the database cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @OptionGroup(visibility: .hidden) var filterOptions: JobFilterOptions
    @OptionGroup(visibility: .hidden) var tagOptions: JobTagOptions

    @Argument(help: "The number of the job.")
    var id: Int64

    func validate() throws {
        try filterOptions.requireUnset(for: "jobs show")
        if tagOptions.tag != nil { throw ValidationError("--tag cannot be used with `jobs show`.") }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let hasReconciler = ReconcilerLock.holder(workspace.paths) != nil
        guard let reader = try workspace.openReader(),
            let job = try reader.job(id)?.verified(workspace.paths, hasReconciler: hasReconciler).job
        else {
            throw CommandError("there is no job \(id)", help: "`heroproc jobs` lists all jobs")
        }
        var starts = try reader.starts(of: id).sorted { $0.generation < $1.generation }
        // A start that has not ended is not in the table of starts yet.
        if job.phase == .running, job.process != nil, starts.last?.generation ?? 0 < job.generation {
            starts.append(StartRecord(job: id, generation: job.generation, startedAt: job.startedAt))
        }
        let action = ActionKey(context: job.context, service: job.service, action: job.action)
        let log = "\(workspace.paths.logs)/\(action.logDirectory)/\(id).log"
        switch output.format {
        case .text:
            output.writeResult(JobsView(output.results).text(job, starts: starts, log: log, now: workspace.now))
        case .json:
            output.writeResult(JobsView.json(job, starts: starts, log: log))
        }
        return .success
    }
}

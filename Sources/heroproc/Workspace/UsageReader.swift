import HeroLinux
import HeroModel
import HeroView

/// Makes the report of `stats` and of `tree --processes`.
struct UsageReader {
    let workspace: Workspace

    /// Reports the processes of the selected services and standalone actions; of all without a selection.
    func report(_ selectors: [SelectorArgument] = []) throws -> UsageReport {
        let status = try StatusReader(workspace: workspace).report(selectors)
        let actions = status.services.flatMap(\.actions) + status.standalone.map(\.action)
        // A job that is being stopped has no main process any more, but perhaps other ones.
        let jobs = actions.filter { $0.phase == .running }.compactMap { action in
            action.job.map { ProcessUsageReader.Job(id: $0, main: action.pid) }
        }
        let trees = ProcessUsageReader.readTrees(of: jobs, workspace.paths)
        func usage(of action: ActionStatus) -> UsageReport.Action {
            let none = TreeUsage(processes: [], total: .none)
            return .init(name: action.name, job: action.job, tree: action.job.flatMap { trees[$0] } ?? none)
        }
        return UsageReport(
            services: status.services.map { .init(name: $0.name, actions: $0.actions.map(usage)) },
            standalone: status.standalone.map { .init(name: $0.name, actions: [usage(of: $0.action)]) },
            now: workspace.now
        )
    }
}

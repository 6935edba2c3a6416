import ArgumentParser
import HeroJSON
import HeroLinux
import HeroModel
import HeroPlan
import HeroReconciler

/// Makes a reconciler that follows a git repository fetch now.
struct Sync: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch the followed git repository now, apply its newest commit and wait as `apply` does.",
        discussion: """
            The reconciler that runs with `reconcile --watch --git` fetches by itself every --interval; `sync` asks it \
            to do so at once, for example from a webhook. It applies only what would be applied anyway: a commit that \
            is not signed, not valid or not a fast-forward is refused.

            EXAMPLES:
              heroproc sync
              heroproc sync --no-wait          exit as soon as the revision is recorded
              heroproc sync --resume           also end the pause of a `down`

            EXIT CODES:
              0   converged (--no-wait: accepted)
              1   the repository cannot be reached, or a service has not reached its declared state
              2   the commit is refused, or no reconciler follows a repository; nothing was changed
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Exit as soon as the revision is recorded.")
    var noWait = false

    @Flag(help: "End the pause of a `down`.")
    var resume = false

    @Flag(help: "Refuse a plan that would stop other processes.")
    var noKill = false

    @Flag(help: "Allow stops and restarts of protected services.")
    var allowProtected = false

    @Flag(help: "Allow more stops and restarts than `max_disruption`.")
    var allowDisruption = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let session = ApplySession(
            output,
            Plan(baseRevision: 0),
            lastOutput: { LastOutput(workspace: workspace).line(of: $0.owner, action: $0.action) }
        )
        let connector = ReconcilerConnector(workspace: workspace, output: output)
        let timeout = wait.timeout.duration
        var request = ControlRequest(.sync, directory: "", actor: workspace.actor)
        request.resumes = resume
        request.kills = !noKill
        request.allowsProtected = allowProtected
        request.allowsDisruption = allowDisruption
        return try connector.repeatingUnread {
            guard let client = try connector.connect(timeout: timeout) else {
                return session.reportRefusal(
                    "cannot sync: no reconciler is running",
                    help: "start one with `heroproc reconcile --watch --git URL`"
                )
            }
            return try session.submit(request, to: client, timeout: noWait ? nil : timeout)
        }
    }
}

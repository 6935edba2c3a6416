import ArgumentParser
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore
import HeroView

/// Stops services.
struct Down: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop every service of class user, in stop waves, until the next apply.",
        discussion: """
            Does not stop services of class system or with status ignore. Records a revision. A reconciler that \
            `apply` started in the background exits afterwards.

            EXAMPLES:
              heroproc down
              heroproc down --all        also stop services of class system
              heroproc apply             start the services again

            EXIT CODES:
              0   the services are stopped, or nothing was ever applied
              1   a service is still running
              2   refused; nothing was changed
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Also stop services of class system.")
    var all = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        try workspace.repairDatabaseIfDamaged(output)
        let connector = ReconcilerConnector(workspace: workspace, output: output)
        // Waits for the end of a single pass, so that the plan begins with its result.
        var client = try connector.connect(timeout: wait.timeout.duration)
        guard let reader = try workspace.openReader(), try reader.revision() != nil else {
            return reportNothingApplied(workspace, output)
        }
        let session = ApplySession(output, try makePlan(workspace, reader), isDown: true)
        session.showPlan()
        let request = ControlRequest(.down, directory: workspace.directory, actor: workspace.actor, all: all)
        let code = try connector.repeatingUnread {
            defer { client = nil }
            return try (client ?? connector.connect(timeout: wait.timeout.duration)).map {
                try session.submit(request, to: $0, timeout: wait.timeout.duration)
            }
        }
        if let code {
            if code == .success { connector.awaitBackgroundExit() }
            return code
        }
        let configuration = ReconcilerConfiguration(
            mode: .once,
            directory: nil,
            timeout: wait.timeout.duration,
            actor: workspace.actor
        )
        return try InProcessReconciler(workspace: workspace, mode: .once).withReconciler(configuration) {
            reconciler in
            reconciler.startDown(all: all)
            return session.runLocally(reconciler)
        }
    }

    private func reportNothingApplied(_ workspace: Workspace, _ output: Output) -> ExitCode {
        switch output.format {
        case .json: output.writeResult(ApplyView.json(ApplyReport(revision: nil, isConverged: true, plan: nil)))
        case .text: output.writeResult("Nothing to do: nothing was ever applied in \(workspace.paths.state).\n")
        }
        return .success
    }

    /// The plan that stops services, made from the manifests of the last revision.
    private func makePlan(_ workspace: Workspace, _ reader: StateReader) throws -> Plan {
        let recorded = try reader.revision().flatMap { try workspace.recordedManifests($0, reader) }
        let options = PlanOptions(retriesFailed: false, down: all ? .allServices : .userServices)
        let desired = recorded ?? DesiredState()
        return try Planner.verifiedPlan(desired, workspace.observe(for: desired), options)
    }
}

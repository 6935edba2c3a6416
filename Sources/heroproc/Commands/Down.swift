import ArgumentParser
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore
import HeroView

/// Takes services down.
struct Down: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop every service of class user, in stop waves, until the next apply.",
        discussion: """
            Services of class system and those with status ignore are left alone. It is recorded as a revision; a \
            reconciler that `apply` started leaves afterwards.

            EXAMPLES:
              heroproc down
              heroproc down --all        system services too
              heroproc apply             and up again

            EXIT CODES:
              0   all of it is down, or nothing was ever applied
              1   something still runs
              2   refused: nothing was changed
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Services of class system too.")
    var all = false

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        try composition.repairDatabaseIfDamaged(output)
        let live = ReconcilerConnector(workspace: composition, output: output)
        let client = try live.connect(timeout: wait.timeout.duration)
        guard let reader = try composition.openReader(), try reader.revision() != nil else {
            return reportNothingApplied(composition, output)
        }
        let errand = ApplySession(output, try makePlan(composition, reader), isDown: true)
        errand.showPlan()
        if let client {
            let request = ControlRequest(
                .down,
                directory: composition.directory,
                actor: composition.actor,
                all: all
            )
            let code = try errand.submit(request, to: client, timeout: wait.timeout.duration)
            if code == .success { live.awaitBackgroundExit() }
            return code
        }
        let configuration = ReconcilerConfiguration(
            mode: .once,
            directory: nil,
            timeout: wait.timeout.duration,
            actor: composition.actor
        )
        return try InProcessReconciler(workspace: composition, mode: .once).withReconciler(configuration) {
            reconciler in
            reconciler.startDown(all: all)
            return errand.runLocally(reconciler)
        }
    }

    private func reportNothingApplied(_ composition: Workspace, _ output: Output) -> ExitCode {
        switch output.format {
        case .json: output.writeResult(ApplyView.json(ApplyReport(revision: nil, isConverged: true, plan: nil)))
        case .text: output.writeResult("Nothing to do: nothing was ever applied in \(composition.paths.state).\n")
        }
        return .success
    }

    /// What goes down, by the manifests of the last revision.
    private func makePlan(_ composition: Workspace, _ reader: StateReader) throws -> Plan {
        let wanted = try reader.revision().flatMap { try composition.recordedManifests($0, reader) }
        let options = PlanOptions(retriesFailed: false, down: all ? .allServices : .userServices)
        let desired = wanted ?? DesiredState()
        return try Planner.verifiedPlan(desired, composition.observe(for: desired), options)
    }
}

import HeroKernel
import HeroModel
import HeroPlan

/// Services of a synced directory that keep running with their former spec, because they could not start again with
/// the new one.
extension RevisionController {
    /// The time between two checks of the waiting services.
    static let waitingCheckInterval = Duration.seconds(30)

    /// The plan for the manifests of the directory; a reconciler that stays leaves out what could not start again.
    func planDirectory(_ wanted: DesiredState, _ observed: Observed, _ options: PlanOptions)
        -> Planner.PartialPlan
    {
        guard configuration.mode == .sync else {
            return Planner.PartialPlan(plan: Planner.plan(wanted, observed, options))
        }
        return Planner.planAroundProblems(wanted, observed, options)
    }

    /// Whether unchanged files may lead to another plan, because services wait.
    ///
    /// An earlier reconciler has recorded that its revision is limited, and not why.
    func mayEndWait(isFirst: Bool) -> Bool {
        guard configuration.mode == .sync else { return false }
        guard isFirst, let revision = state.revision else { return !waitingServices.isEmpty }
        return revision.actor == configuration.actor && !revision.only.isEmpty
    }

    /// Records and publishes which services wait; with none, that the directory is applied.
    func setWaitingServices(_ waiting: [QualifiedName: String]) {
        for (name, reason) in waiting.sorted(by: { $0.key < $1.key }) where waitingServices[name] != reason {
            journal.recordEvent(.warning, name.description, "keeps its former manifest: \(reason)")
        }
        for name in waitingServices.keys.sorted() where waiting[name] == nil {
            journal.recordEvent(.info, name.description, "its manifest is applied; it could start again")
        }
        waitingServices = waiting
        waitingCheckAt = waiting.isEmpty ? nil : kernel.now() + Self.waitingCheckInterval
        kernel.publishRefusedChange(Self.publishedText(waiting))
    }

    private static func publishedText(_ waiting: [QualifiedName: String]) -> String? {
        guard !waiting.isEmpty else { return nil }
        let shown = 3
        var lines = ["some services keep their former manifests, and are checked again every 30s"]
        lines += waiting.sorted { $0.key < $1.key }.prefix(shown).map { "\($0.key): \($0.value)" }
        if waiting.count > shown { lines.append("and \(waiting.count - shown) more") }
        return lines.joined(separator: "\n")
    }
}

import HeroKernel
import HeroLifecycle
import HeroManifest
import HeroModel
import HeroPlan

extension Reconciler {
    /// Why an order is none for this reconciler, whatever its manifests say; nil when it is.
    func refusalReason(to order: ControlRequest) -> String? {
        if let objection = safeModeRefusal(to: order.directory) { return objection }
        guard configuration.mode == .sync, let own = configuration.directory else { return nil }
        if let number = order.goesBackTo {
            return "cannot go back to revision \(number): the live reconciler syncs from \(own) and would lead forward "
                + "again at the next change there; put the files back, or end the reconciler (no service stops) and try again"
        }
        guard own != order.directory else { return nil }
        return
            "cannot apply \(order.directory): the live reconciler syncs from \(own); apply that one, or end the reconciler"
    }

    /// Why what an order wants must not be carried out as things stand at this very moment; nil when it may.
    ///
    /// Who asks has planned, too, but a while ago: here nothing can come between the look and the deed.
    func refusalReason(to order: ControlRequest, _ wanted: DesiredState) -> (text: String, diagnostics: [Diagnostic])? {
        let options = PlanOptions(
            prunes: order.prunes,
            only: order.only,
            allowsReclaims: order.kills,
            allowsProtected: order.allowsProtected,
            allowsDisruption: order.allowsDisruption
        )
        // Who holds what matters to a plan only where nobody may be stopped: else the way to each start is cleared.
        let observed = order.kills ? observed : observedWithHolders(for: wanted)
        let plan = Planner.plan(wanted, observed, options)
        if let refusal = plan.refusals.first {
            return ("cannot apply \(order.directory) as it is: \(refusal.message)", plan.refusals)
        }
        return order.planExpectation?.firstDifference(in: plan).map { ("cannot apply the saved plan: \($0)", []) }
    }

    /// Why a set that was found in the directory needs a person's word before it is applied; nil when it does not.
    func refusalReason(toSync wanted: DesiredState) -> String? {
        guard let refusal = Planner.plan(wanted, observed).refusals.first else { return nil }
        return refusal.message
    }

    /// What is there, with who holds what the wanted actions bind.
    private func observedWithHolders(for wanted: DesiredState) -> Observed {
        let active = (services.values.flatMap(\.jobs) + standalone.values.compactMap(\.job)).map(\.lifecycle.record)
        let survey = ActionInspectionBatch(
            wanted,
            jobs: active.filter(\.phase.isActive),
            baseEnvironment: kernel.baseEnvironment
        )
        var result = observed
        survey.addResults(kernel.inspectActions(survey.requests), to: &result)
        return result
    }
}

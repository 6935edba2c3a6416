public import HeroModel

/// The invariants that hold for every plan, whichever planner made it.
public enum PlanInvariant: String, Hashable, Sendable, CaseIterable {
    /// A reason code that fits the action, and a text; a cascade names its cause, a blocked service what it waits for.
    case everyChangeHasAReason = "every change has a reason"
    /// All declared and all started services, sorted, and no others.
    case everyServiceAppearsOnce = "every service appears exactly once, in the order of the names"
    /// Each stop and restart is in one stop wave, each start and restart in one start wave, and nothing else is.
    case wavesMatchChanges = "the waves contain exactly the stops and starts of the changes"
    /// By the dependencies recorded at the start; services with status ignore are exempt.
    case dependentsStopFirst = "no dependent is up while its requirement stops"
    /// By the declared `requires`, `after` and `wants`.
    case dependenciesStartFirst = "dependencies start in an earlier wave than their dependents"
    /// The requirements of a started service will be up; those of a blocked, or unwillingly stopped, service will not.
    case requirementsDecideStarts = "a service starts exactly if all its requirements will be up"
    /// Each change is requested by the service's own manifest or state, or by a cause that changes itself.
    case everyChangeIsRequested = "no service changes without a cause"
    /// Each requested change is in the plan, or the service is reported as blocked.
    case everyRequestIsHandled = "every requested change is planned or reported as blocked"
    /// Services with status stop, spec or ignore, services that `down` stops, and undeclared services.
    case unwantedServicesNeverStart = "a service that should not be up never starts"
    /// Changes of action keep, update, reload and blocked are in no wave.
    case passiveChangesAreInNoWave = "keep, update, reload and blocked stop and start nothing"
    /// Each field differs, and shows the recorded and the declared value.
    case fieldsAreAccurate = "the fields of a change are those that differ"
    /// By the `conflicts` of either side: a starting service starts alone.
    case conflictsNeverRunTogether = "conflicting services are never up together"
    /// The named services, those that stop with them, and those they need to start.
    case narrowedPlansStayInScope = "a narrowed plan changes only the named services and their cascades"
    /// In no wave, and only as their own manifests, records and options request.
    case standaloneActionsAreIndependent = "a standalone action changes exactly if a change is requested"
    /// The action's manifest and the options allow it, and the action starts.
    case reclaimsAreAllowed = "a process is stopped for a resource only where that is allowed and needed"
    /// A held service, and what it needs to stay as it is; it is healed with the spec that it was started with.
    case heldServicesStay = "a held service is not changed"
    /// The service is held, or the change would touch a service that is.
    case deferralsAreJustified = "a change waits only for a hold that concerns it"
    /// Protected services, and the limit of disruption, unless the options override them.
    case guardsAreEnforced = "no guard is bypassed without a refusal"
    /// Two plans of the same input are equal.
    case planningIsDeterministic = "planning twice gives the same plan"
    /// The plan that follows a successfully applied plan is empty.
    case applyConverges = "after applying the plan, nothing is left to do"
}

/// An invariant that a plan violates.
///
/// A violation is always an error in the planner.
public struct PlanViolation: Hashable, Sendable, CustomStringConvertible {
    /// The invariant.
    public var invariant: PlanInvariant
    /// The service with the violation; nil for the plan as a whole.
    public var service: QualifiedName?
    /// What was found.
    public var text: String

    /// Creates a violation.
    public init(_ invariant: PlanInvariant, _ service: QualifiedName?, _ text: String) {
        self.invariant = invariant
        self.service = service
        self.text = text
    }

    /// `INVARIANT: SERVICE: TEXT`.
    public var description: String {
        "\(invariant.rawValue): \(service.map { "\($0): " } ?? "")\(text)"
    }
}

/// The independent verifier of plans.
///
/// It shares the types of the planner and none of its decisions: it checks every invariant on a finished plan. It is
/// linear, except for the search that permits any order inside a recorded cycle.
public enum PlanInvariants {
    /// All violations in the plan, in the order of the invariants.
    public static func violations(
        of plan: Plan,
        desired: DesiredState,
        observed: Observed,
        options: PlanOptions
    ) -> [PlanViolation] {
        guard plan.kept.isEmpty, plan.deferredChanges.isEmpty else {
            let holds = DeferralVerifier(plan: plan, desired: desired, observed: observed, options: options)
            let (now, untouched) = (holds.planNow, holds.untouched)
            return violations(of: now, desired: holds.effective, observed, options, untouched: untouched)
                + holds.heldServicesStay() + holds.deferralsAreJustified()
        }
        let holds = DeferralVerifier(plan: plan, desired: desired, observed: observed, options: options)
        return violations(of: plan, desired: desired, observed, options, untouched: []) + holds.heldServicesStay()
    }

    private static func violations(
        of plan: Plan,
        desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions,
        untouched: Set<QualifiedName>
    ) -> [PlanViolation] {
        let verifier = PlanVerifier(
            plan: plan,
            desired: desired,
            observed: observed,
            options: options,
            untouched: untouched
        )
        return verifier.everyChangeHasAReason()
            + verifier.everyServiceAppearsOnce()
            + verifier.wavesMatchChanges()
            + verifier.dependentsStopFirst()
            + verifier.dependenciesStartFirst()
            + verifier.requirementsDecideStarts()
            + verifier.everyChangeIsRequested()
            + verifier.everyRequestIsHandled()
            + verifier.unwantedServicesNeverStart()
            + verifier.passiveChangesAreInNoWave()
            + verifier.fieldsAreAccurate()
            + verifier.conflictsNeverRunTogether()
            + verifier.narrowedPlansStayInScope()
            + verifier.standaloneActionsAreIndependent()
            + verifier.reclaimsAreAllowed()
            + verifier.guardsAreEnforced()
    }

    /// Checks that two plans of the same input are equal.
    public static func violations(between first: Plan, and second: Plan) -> [PlanViolation] {
        guard first != second else { return [] }
        let differing = zip(first.changes, second.changes).first { $0 != $1 }
        return [PlanViolation(.planningIsDeterministic, differing?.0.service, "the second plan differs")]
    }

    /// Checks that nothing is left to do, on the plan that is made after another plan was applied.
    public static func violations(afterApply next: Plan) -> [PlanViolation] {
        guard let left = next.changes.first(where: { $0.actionNow.changesSomething }) else { return [] }
        return [PlanViolation(.applyConverges, left.service, "\(left.action.rawValue): \(left.reason.text)")]
    }

    /// Makes a plan, checks it against every invariant, and plans again, also for the state after applying the plan.
    ///
    /// For tests and simulations: it makes three plans.
    public static func planAndVerify(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions,
        planner: (DesiredState, Observed, PlanOptions) -> Plan = Planner.plan
    ) -> (plan: Plan, violations: [PlanViolation]) {
        let plan = planner(desired, observed, options)
        var after = observed.afterApplying(plan, desired)
        var next = planner(desired, after, options)
        // A change may stop to touch a held service when others are made, so each kept service allows another round.
        for _ in plan.kept where next.changes.contains(where: \.actionNow.changesSomething) {
            after = after.afterApplying(next, desired)
            next = planner(desired, after, options)
        }
        let found =
            violations(of: plan, desired: desired, observed: observed, options: options)
            + violations(between: plan, and: planner(desired, observed, options)) + violations(afterApply: next)
        return (plan, found)
    }
}

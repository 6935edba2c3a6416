public import HeroModel

/// What must hold for any plan, whoever made it.
public enum PlanInvariant: String, Hashable, Sendable, CaseIterable {
    /// A code that fits the action, and words; a cascade names its cause, what is blocked what it waits for.
    case everyChangeHasAReason = "every change has a reason"
    /// All that is declared and all that is live, sorted, and nobody else.
    case everyServiceAppearsOnce = "every service appears exactly once, in the order of the names"
    /// Each stop and restart in one stop wave, each start and restart in one start wave, and nothing else.
    case wavesMatchChanges = "the waves hold exactly what stops and what starts"
    /// Over the dependencies recorded at start; status ignore is left alone.
    case dependentsStopFirst = "no dependent is up while its requirement goes down"
    /// Over `requires`, `after` and `wants` as declared.
    case dependenciesStartFirst = "what is waited for starts in an earlier wave"
    /// What starts has all it requires afterwards; what is blocked, or wanted and stopped, has not.
    case requirementsDecideStarts = "a service comes up exactly when all it requires will be up"
    /// Each touch is asked for by the service's own manifest or state, or by a cause that itself changes.
    case everyChangeIsRequested = "nothing is touched without cause"
    /// What is asked for is done, or is said to be blocked.
    case everyRequestIsHandled = "what is asked for is done or named as blocked"
    /// Status stop and spec, what `down` takes, what is undeclared, what is on ignore.
    case unwantedServicesNeverStart = "a service that is not wanted up is never started"
    /// Keep, update and blocked are in no wave.
    case passiveChangesAreInNoWave = "keep, update and blocked stop and start nothing"
    /// Each field shown differs, from what is recorded to what is declared.
    case fieldsAreAccurate = "the fields shown are those that differ"
    /// Over `conflicts` of either side: what comes up does so alone.
    case conflictsNeverRunTogether = "services that conflict are never brought up together"
    /// The named ones, what goes down with them, what they need to come up, and nobody else.
    case narrowedPlansStayInScope = "a narrowed plan touches only what was named and what that drags along"
    /// In no wave, and only as far as their own manifests, records and options ask.
    case standaloneActionsAreIndependent = "a standalone action changes exactly when it is asked for"
    /// By the action's manifest, the options, and because the action starts.
    case reclaimsAreAllowed = "a process is stopped to make room only where that is allowed and needed"
    /// A protected service, or too many services, unless the options allow it.
    case guardsAreEnforced = "what is protected is never touched without a word"
    /// Two plans of the same are the same.
    case planningIsDeterministic = "planning twice gives the same plan"
    /// What comes after the plan was carried out as hoped has nothing to do.
    case applyConverges = "after carrying it out nothing is left to do"
}

/// A law that a plan breaks: always our own bug.
public struct PlanViolation: Hashable, Sendable, CustomStringConvertible {
    /// The law.
    public var invariant: PlanInvariant
    /// The service it is broken at; nil for the plan as a whole.
    public var service: QualifiedName?
    /// What was found.
    public var text: String

    /// Makes a violation.
    public init(_ law: PlanInvariant, _ service: QualifiedName?, _ text: String) {
        self.invariant = law
        self.service = service
        self.text = text
    }

    /// `LAW: SERVICE: TEXT`.
    public var description: String {
        "\(invariant.rawValue): \(service.map { "\($0): " } ?? "")\(text)"
    }
}

/// The independent judge of plans.
///
/// It shares the nouns with the planner and none of its decisions: it asks, of a finished plan, whether each law
/// holds. Linear, except for the search that excuses an order inside a recorded circle.
public enum PlanInvariants {
    /// Every law the plan breaks, in the order of the laws.
    public static func violations(
        of plan: Plan,
        desired: DesiredState,
        observed: Observed,
        options: PlanOptions
    ) -> [PlanViolation] {
        let judge = PlanVerifier(plan: plan, desired: desired, observed: observed, options: options)
        return judge.everyChangeHasAReason()
            + judge.everyServiceAppearsOnce()
            + judge.wavesMatchChanges()
            + judge.dependentsStopFirst()
            + judge.dependenciesStartFirst()
            + judge.requirementsDecideStarts()
            + judge.everyChangeIsRequested()
            + judge.everyRequestIsHandled()
            + judge.unwantedServicesNeverStart()
            + judge.passiveChangesAreInNoWave()
            + judge.fieldsAreAccurate()
            + judge.conflictsNeverRunTogether()
            + judge.narrowedPlansStayInScope()
            + judge.standaloneActionsAreIndependent()
            + judge.reclaimsAreAllowed()
            + judge.guardsAreEnforced()
    }

    /// The law that planning twice gives the same plan, asked of two plans of the same.
    public static func violations(between first: Plan, and second: Plan) -> [PlanViolation] {
        guard first != second else { return [] }
        let differing = zip(first.changes, second.changes).first { $0 != $1 }
        return [PlanViolation(.planningIsDeterministic, differing?.0.service, "the second plan differs")]
    }

    /// The law that nothing is left to do, asked of the plan that is made after another one was carried out.
    public static func violations(afterApply next: Plan) -> [PlanViolation] {
        guard let left = next.changes.first(where: { $0.action != .keep && $0.action != .blocked }) else { return [] }
        return [PlanViolation(.applyConverges, left.service, "\(left.action.rawValue): \(left.reason.text)")]
    }

    /// Plans, judges the plan by every law there is, and plans again, also after carrying it out in thought.
    ///
    /// For tests and simulations: it costs four plans.
    public static func planAndVerify(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions,
        planner: (DesiredState, Observed, PlanOptions) -> Plan = Planner.plan
    ) -> (plan: Plan, violations: [PlanViolation]) {
        let plan = planner(desired, observed, options)
        let found =
            violations(of: plan, desired: desired, observed: observed, options: options)
            + violations(between: plan, and: planner(desired, observed, options))
            + violations(afterApply: planner(desired, observed.afterApplying(plan, desired), options))
        return (plan, found)
    }
}

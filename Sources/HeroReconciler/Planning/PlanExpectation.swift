public import HeroModel
public import HeroPlan

/// What a saved plan does: an apply of the plan does exactly that, or is refused.
public struct PlanExpectation: Codable, Hashable, Sendable {
    /// The revision from which the plan was made.
    public var baseRevision: RevisionNumber
    /// The action for each service and standalone action; one that stays as it is may be missing.
    private var actions: [String: PlanAction]
    /// Services that start again because they ended while no reconciler was running.
    ///
    /// The reconciler that receives the plan may have done that already. Nil in a request of an earlier version.
    private var healed: Set<String>?

    /// Makes an expectation from actions by `context/name`; a standalone action has `standalone ` before its name.
    public init(baseRevision: RevisionNumber, actions: [String: PlanAction], healed: Set<String> = []) {
        self.baseRevision = baseRevision
        self.healed = healed.isEmpty ? nil : healed
        self.actions = actions.filter { $0.value.changesSomething }
    }

    /// The first difference to a plan that was made now, as a message; nil when there is none.
    public func firstDifference(in plan: Plan) -> String? {
        guard plan.baseRevision == baseRevision else {
            return "it starts from revision \(baseRevision), but revision \(plan.baseRevision) is applied now"
        }
        let now = PlanExpectation(
            baseRevision: baseRevision,
            actions: Dictionary(
                plan.changes.map { (($0.isStandalone ? "standalone " : "") + $0.service.description, $0.actionNow) },
                uniquingKeysWith: { first, _ in first }
            )
        )
        for name in Set(actions.keys).union(now.actions.keys).sorted() where actions[name] != now.actions[name] {
            if now.actions[name] == nil, healed?.contains(name) ?? false { continue }
            let (before, after) = (Self.describe(actions[name]), Self.describe(now.actions[name]))
            return
                "the running services have changed since it was made: \(name) would \(after) now, instead of \(before)"
        }
        return nil
    }

    private static func describe(_ action: PlanAction?) -> String { action?.rawValue ?? "stay as it is" }
}

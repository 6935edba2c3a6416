public import HeroModel

extension Planner {
    /// A plan without the changes that would stop a service which could not start again.
    public struct PartialPlan: Sendable {
        /// The plan.
        public var plan: Plan
        /// The services that keep their present spec, with the reason; empty if the plan is complete.
        public var waiting: [QualifiedName: String] = [:]
        /// What the plan is narrowed to; empty if the plan is complete, or if nothing is left.
        public var only: [QualifiedName] = []

        /// Makes a complete plan.
        public init(plan: Plan) {
            self.plan = plan
        }
    }

    /// Plans everything except the changes that would stop a service which could not start again.
    ///
    /// Such a service keeps its present spec, and so do its dependents and the requirements whose stop would drag it
    /// along.
    public static func planAroundProblems(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions = PlanOptions()
    ) -> PartialPlan {
        var result = PartialPlan(plan: plan(desired, observed, options))
        let all = result.plan.changes.map(\.service)
        let dependents = dependentsByRequirement(desired, observed)
        // Each round adds a service, so the number of services limits the rounds.
        for _ in 0...all.count {
            let found = waitingServices(of: result, observed, dependents)
            guard !found.isEmpty else { break }
            result.waiting.merge(found) { first, _ in first }
            result.only = all.filter { result.waiting[$0] == nil }
            guard !result.only.isEmpty else { break }
            var narrowed = options
            narrowed.only = Set(result.only).sorted()
            result.plan = plan(desired, observed, narrowed)
        }
        return result
    }

    /// The services that must wait in addition to those that do already.
    private static func waitingServices(
        of partial: PartialPlan,
        _ observed: Observed,
        _ dependents: [QualifiedName: [QualifiedName]]
    ) -> [QualifiedName: String] {
        var found: [QualifiedName: String] = [:]
        if partial.plan.refusals.contains(where: { $0.code == Plan.cannotStartAgain }) {
            let problems = Dictionary(
                observed.startProblems.filter { !$0.isStandalone }.map { ($0.service, $0) },
                uniquingKeysWith: { first, _ in first }
            )
            for change in partial.plan.changes where change.actionNow == .restart && !change.isStandalone {
                guard let problem = problems[change.service], observed.services[change.service]?.isRunning ?? false
                else { continue }
                found[change.service] = "\(problem.action) would not start again: \(problem.failure)"
            }
        }
        for change in partial.plan.changes where change.actionNow.includesStop {
            guard partial.waiting[change.service] != nil, let cause = change.cause else { continue }
            found[cause] = "its stop would stop \(change.service), which could not start again"
        }
        var rest = found.keys.sorted()
        while let name = rest.popLast() {
            for dependent in dependents[name] ?? [] where found[dependent] == nil {
                found[dependent] = "it requires \(name), which waits"
                rest.append(dependent)
            }
        }
        return found.filter { partial.waiting[$0.key] == nil }
    }

    private static func dependentsByRequirement(_ desired: DesiredState, _ observed: Observed)
        -> [QualifiedName: [QualifiedName]]
    {
        var dependents: [QualifiedName: Set<QualifiedName>] = [:]
        for (name, service) in desired.services {
            for requirement in service.spec.cascadingRequires { dependents[requirement, default: []].insert(name) }
        }
        for (name, service) in observed.services {
            for requirement in service.requires { dependents[requirement, default: []].insert(name) }
        }
        return dependents.mapValues { $0.sorted() }
    }
}

public import HeroModel

/// Compares the desired state with the observed state.
///
/// A pure function in five steps: (1) the direct change of each service, (2) the scope of a narrowed plan, (3) stops
/// and their cascades, (4) starts, (5) changes with reasons and waves. It is linear in services and dependencies.
public enum Planner {
    /// Makes the plan that leads from `observed` to `desired`.
    ///
    /// Every service that is declared or started, and every standalone action, has exactly one change. The desired
    /// state is assumed to be valid. If it is not (a cycle, an unknown requirement, two conflicting services), planning
    /// still terminates and is deterministic.
    ///
    /// Changes that a hold defers stay in the plan, with the reason, and nothing is done for them.
    public static func plan(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions = PlanOptions()
    ) -> Plan {
        var planner = DeferralPlanner(desired, observed, options)
        return planner.makePlan()
    }

    /// Makes a plan without deferrals, in which these services keep what is recorded of them.
    static func planNow(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions,
        _ keeping: KeptServices = KeptServices()
    ) -> Plan {
        var builder = PlanBuilder(desired, observed, options, keeping)
        builder.findScope()
        builder.findStops()
        builder.findStarts()
        var plan = builder.makePlan(from: observed.revision)
        plan.only = Set(options.only).sorted()
        let standalone = StandalonePlanner(desired, observed, options)
        plan.addStandalone(standalone.changes)
        plan.addDriftAndReclaims(desired, observed, options)
        if let machine = observed.machine, options.down == .none {
            let shown = Set(plan.only.isEmpty ? [] : plan.changes.map(\.service))
            plan.diagnostics += desired.limitWarnings(on: machine) { plan.only.isEmpty || shown.contains($0) }
        }
        plan.addContentWarnings(desired, observed)
        plan.addStartProblems(builder, desired, observed)
        plan.diagnostics += Refusals(builder, plan, desired, options).diagnostics
        return plan
    }
}

/// The services whose records count in place of their manifests.
struct KeptServices {
    /// Services that are healed with the spec that they were started with, and not changed.
    var kept: Set<QualifiedName> = []
    /// Services that are left exactly as they are.
    var untouched: Set<QualifiedName> = []

    var isEmpty: Bool { kept.isEmpty && untouched.isEmpty }

    /// Whether the record of a service counts.
    func contains(_ name: QualifiedName) -> Bool { kept.contains(name) || untouched.contains(name) }
}

/// The state of one planning; services are identified by their index in the order of names.
struct PlanBuilder {
    let services: [PlannedService]
    let indexByName: [QualifiedName: Int32]
    let options: PlanOptions
    let keeping: KeptServices
    /// The declared requirements with a cascade, and the recorded ones of started services where they differ.
    let declaredCascade: [IndexEdge]
    private let recordedRequirements: [IndexEdge]
    /// The declared requirements by dependent, and an order in which every service comes after its requirements.
    let requirements: IndexGraph
    let startOrder: [Int]
    /// The pairs that must never run together, in both directions; nil if there are none.
    let conflicts: IndexGraph?

    /// Whether the plan may change the service; true for all services unless the plan is narrowed.
    var isInScope: [Bool]
    /// Whether the service stops, including restarts.
    var willStop: [Bool]
    /// The index of the nearest requirement whose stop causes this stop; -1 for a direct change.
    var cascadeCause: [Int32]
    /// Whether the service stops only because a requirement, already down, should be down.
    var isStoppedForRequirement: [Bool]
    /// Whether the service will be up after the plan.
    var willBeUp: [Bool]

    /// Step 1: examine every service separately.
    init(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions, _ keeping: KeptServices) {
        var names = Array(desired.services.keys)
        for (name, service) in observed.services where service.isStarted && desired.services[name] == nil {
            names.append(name)
        }
        names.sort()
        var indexByName = [QualifiedName: Int32](minimumCapacity: names.count)
        var services: [PlannedService] = []
        services.reserveCapacity(names.count)
        for (number, name) in names.enumerated() {
            indexByName[name] = Int32(number)
            services.append(
                PlannedService(
                    name,
                    declared: desired.services[name],
                    observed: observed.services[name],
                    once: observed.once,
                    options: options,
                    keeping: keeping
                )
            )
        }
        self.services = services
        self.indexByName = indexByName
        self.options = options
        self.keeping = keeping
        let declaredRequirements = Self.edges(services, indexByName) { $0.declaredRequires }
        declaredCascade = Self.edges(services, indexByName) { $0.declaredCascade }
        recordedRequirements = Self.edges(services, indexByName) { service in
            service.recordedRequires == service.declaredCascade ? [] : service.recordedRequires
        }
        requirements = IndexGraph(count: services.count, edges: declaredRequirements)
        startOrder = DependencyLevels(count: services.count, hard: declaredRequirements).topologicalOrder
        let pairs = Self.edges(services, indexByName) { $0.conflicts }
        let both = pairs + pairs.map { IndexEdge(dependent: $0.dependency, dependency: $0.dependent) }
        conflicts = pairs.isEmpty ? nil : IndexGraph(count: services.count, edges: both)
        isInScope = [Bool](repeating: true, count: services.count)
        willStop = [Bool](repeating: false, count: services.count)
        cascadeCause = [Int32](repeating: -1, count: services.count)
        isStoppedForRequirement = [Bool](repeating: false, count: services.count)
        willBeUp = [Bool](repeating: false, count: services.count)
    }

    private static func edges(
        _ services: [PlannedService],
        _ indexByName: [QualifiedName: Int32],
        _ dependencies: (PlannedService) -> [QualifiedName]
    ) -> [IndexEdge] {
        var edges: [IndexEdge] = []
        for (number, service) in services.enumerated() {
            for name in dependencies(service) {
                guard let dependency = indexByName[name] else { continue }
                edges.append(IndexEdge(dependent: Int32(number), dependency: dependency))
            }
        }
        return edges
    }

    /// The cascade graph: dependents by the recorded and the declared requirements.
    var dependents: IndexGraph {
        IndexGraph(count: services.count, edges: recordedRequirements + declaredCascade, reversed: true)
    }

    /// The direct change of a service, as far as it is in scope.
    func directChange(_ number: Int) -> DirectChange { isInScope[number] ? services[number].directChange : .nothing }

    /// Whether the service is up and is not stopped because of a requirement, since a hold or a window keeps it.
    func isKeptUp(_ number: Int) -> Bool {
        services[number].isStarted && keeping.contains(services[number].name)
    }

    /// Whether the plan only starts again what has ended of a service, as far as it is in scope.
    func isHealed(_ number: Int) -> Bool { isInScope[number] && services[number].isHealed }

    /// The services that it must never run together with.
    func conflicting(_ number: Int) -> ArraySlice<Int32> { conflicts?.neighbors(number) ?? [] }

    /// Whether all declared requirements are met; an unknown requirement is not.
    func hasAllRequirements(_ number: Int, _ isUp: [Bool]) -> Bool {
        let service = services[number]
        guard !service.waitsForMilestones else { return service.requirements.allSatisfy { isMet($0, isUp) } }
        let row = requirements.neighbors(number)
        return row.count == service.requirements.count && row.allSatisfy { isUp[Int($0)] }
    }

    /// Whether a requirement is up, or has reached what is required, should not be down and is not stopped by the plan.
    func isMet(_ requirement: Requirement, _ isUp: [Bool]) -> Bool {
        guard let number = indexByName[requirement.service].map(Int.init) else { return false }
        return isUp[number] || hasReached(requirement.until, number)
    }

    /// Whether a service has reached a milestone, should not be down and is not stopped by the plan.
    func hasReached(_ milestone: Requirement.Milestone, _ number: Int) -> Bool {
        switch milestone {
        case .up: return false
        case .started, .ended: break
        }
        // A narrowed plan could include a stop of it only because of what waits for it, and does not rely on it.
        return options.only.isEmpty && !willStop[number] && !services[number].target.isDown
            && services[number].hasReached(milestone)
    }
}

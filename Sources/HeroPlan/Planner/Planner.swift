public import HeroModel

/// Compares what is wanted with what is there.
///
/// A pure function in numbered steps: what each service needs for its own sake, what a narrowed plan is about, what
/// goes down with what, what can come up again, then the changes with their reasons and the waves. Linear in services
/// and dependencies.
public enum Planner {
    /// Makes the plan that brings `observed` to `desired`.
    ///
    /// Every service that is declared, or is undeclared and live, has exactly one change in it, and so has every
    /// standalone action. The desired state is taken to be valid; where it is not (a cycle, an unknown requirement, two
    /// that conflict), the plan is still finite and the same each time.
    public static func plan(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions = PlanOptions()
    ) -> Plan {
        var planning = PlanBuilder(desired, observed, options)
        planning.findScope()
        planning.findStops()
        planning.findStarts()
        var plan = planning.makePlan(from: observed.revision)
        plan.only = Set(options.only).sorted()
        let standalone = StandalonePlanner(desired, observed, options)
        plan.addStandalone(standalone.changes)
        plan.addDriftAndReclaims(desired, observed, options)
        if let machine = observed.machine, options.down == .none {
            let shown = Set(plan.only.isEmpty ? [] : plan.changes.map(\.service))
            plan.diagnostics += desired.limitWarnings(on: machine) { plan.only.isEmpty || shown.contains($0) }
        }
        plan.diagnostics += Refusals(planning, plan, desired, options).diagnostics
        return plan
    }
}

/// One planning under way: services are numbers, in the order of their names.
struct PlanBuilder {
    let services: [PlannedService]
    let indexByName: [QualifiedName: Int32]
    let options: PlanOptions
    /// The declared requirements between subjects, and those recorded of live ones where they are others.
    private let declaredRequirements: [IndexEdge]
    private let recordedRequirements: [IndexEdge]
    /// The declared requirements by dependent, and an order in which each comes after all it requires.
    let requirements: IndexGraph
    let startOrder: [Int]
    /// Who must never be up together with whom, by either; nil where nobody conflicts.
    let conflicts: IndexGraph?

    /// Whether the plan is about it; all are, unless it was narrowed.
    var isInScope: [Bool]
    /// Whether it is stopped, be it to start again.
    var willStop: [Bool]
    /// What drags it down: the requirement that is nearest to what started it; -1 for its own need.
    var cascadeCause: [Int32]
    /// What goes down only because something it requires is wanted down, and is down already.
    var isStoppedForRequirement: [Bool]
    /// Whether it will be up, or get there, when the plan is carried out.
    var willBeUp: [Bool]

    /// Step 1: look at every service by itself.
    init(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        var names = Array(desired.services.keys)
        for (name, service) in observed.services where service.isStarted && desired.services[name] == nil {
            names.append(name)
        }
        names.sort()
        var numbers = [QualifiedName: Int32](minimumCapacity: names.count)
        var subjects: [PlannedService] = []
        subjects.reserveCapacity(names.count)
        for (number, name) in names.enumerated() {
            numbers[name] = Int32(number)
            subjects.append(
                PlannedService(
                    name,
                    declared: desired.services[name],
                    observed: observed.services[name],
                    options: options
                )
            )
        }
        self.services = subjects
        self.indexByName = numbers
        self.options = options
        declaredRequirements = Self.edges(subjects, numbers) { $0.declaredRequires }
        recordedRequirements = Self.edges(subjects, numbers) { subject in
            subject.recordedRequires == subject.declaredRequires ? [] : subject.recordedRequires
        }
        requirements = IndexGraph(count: subjects.count, edges: declaredRequirements)
        startOrder = DependencyLevels(count: subjects.count, hard: declaredRequirements).topologicalOrder
        let pairs = Self.edges(subjects, numbers) { $0.conflicts }
        let both = pairs + pairs.map { IndexEdge(dependent: $0.dependency, dependency: $0.dependent) }
        conflicts = pairs.isEmpty ? nil : IndexGraph(count: subjects.count, edges: both)
        isInScope = [Bool](repeating: true, count: subjects.count)
        willStop = [Bool](repeating: false, count: subjects.count)
        cascadeCause = [Int32](repeating: -1, count: subjects.count)
        isStoppedForRequirement = [Bool](repeating: false, count: subjects.count)
        willBeUp = [Bool](repeating: false, count: subjects.count)
    }

    private static func edges(
        _ subjects: [PlannedService],
        _ numbers: [QualifiedName: Int32],
        _ dependencies: (PlannedService) -> [QualifiedName]
    ) -> [IndexEdge] {
        var edges: [IndexEdge] = []
        for (number, subject) in subjects.enumerated() {
            for name in dependencies(subject) {
                guard let dependency = numbers[name] else { continue }
                edges.append(IndexEdge(dependent: Int32(number), dependency: dependency))
            }
        }
        return edges
    }

    /// Who goes down with whom: by the dependencies recorded at the start, and by those declared now.
    var dependents: IndexGraph {
        IndexGraph(count: services.count, edges: recordedRequirements + declaredRequirements, reversed: true)
    }

    /// What a service needs for its own sake, as far as the plan is about it.
    func directChange(_ number: Int) -> DirectChange { isInScope[number] ? services[number].directChange : .nothing }

    /// Those it must never be up together with.
    func conflicting(_ number: Int) -> ArraySlice<Int32> { conflicts?.neighbors(number) ?? [] }

    /// Whether all that a manifest requires is among those; what nobody knows is not.
    func hasAllRequirements(_ number: Int, _ isUp: [Bool]) -> Bool {
        let row = requirements.neighbors(number)
        return row.count == services[number].declaredRequires.count && row.allSatisfy { isUp[Int($0)] }
    }
}

public import HeroModel

/// Compares what is wanted with what is there.
///
/// A pure function in numbered steps: what each service needs for its own sake, what goes down with what, what can
/// come up again, then the changes with their reasons and the waves. Linear in services and dependencies.
public enum Planner {
    /// Makes the plan that brings `observed` to `desired`.
    ///
    /// Every service that is declared, or is undeclared and live, has exactly one change in it. The desired state is
    /// taken to be valid; where it is not (a cycle, an unknown requirement), the plan is still finite and the same
    /// each time.
    public static func plan(
        _ desired: Desired,
        _ observed: Observed,
        _ options: PlanOptions = PlanOptions()
    ) -> Plan {
        var planning = Planning(desired, observed, options)
        planning.findWhatGoesDown()
        planning.findWhatWillBeUp()
        return planning.plan(from: observed.revision)
    }
}

/// One planning under way: services are numbers, in the order of their names.
struct Planning {
    let subjects: [Subject]
    let numbers: [QualifiedName: Int32]
    /// The declared requirements between subjects, and those recorded of live ones where they are others.
    private let declaredRequirements: [IndexEdge]
    private let recordedRequirements: [IndexEdge]
    /// The declared requirements by dependent, and an order in which each comes after all it requires.
    private let requirements: IndexGraph
    private let order: [Int]

    /// Whether it is stopped, be it to start again.
    private(set) var goesDown: [Bool]
    /// What drags it down: the requirement that is nearest to what started it; -1 for its own need.
    private(set) var draggedBy: [Int32]
    /// Whether it will be up, or get there, when the plan is carried out.
    private(set) var willBeUp: [Bool]

    /// Step 1: look at every service by itself.
    init(_ desired: Desired, _ observed: Observed, _ options: PlanOptions) {
        var names = Array(desired.services.keys)
        for (name, service) in observed.services where service.isLive && desired.services[name] == nil {
            names.append(name)
        }
        names.sort()
        var numbers = [QualifiedName: Int32](minimumCapacity: names.count)
        var subjects: [Subject] = []
        subjects.reserveCapacity(names.count)
        for (number, name) in names.enumerated() {
            numbers[name] = Int32(number)
            subjects.append(
                Subject(name, declared: desired.services[name], observed: observed.services[name], options: options)
            )
        }
        self.subjects = subjects
        self.numbers = numbers
        declaredRequirements = Self.edges(subjects, numbers) { $0.declaredRequires }
        recordedRequirements = Self.edges(subjects, numbers) { subject in
            subject.recordedRequires == subject.declaredRequires ? [] : subject.recordedRequires
        }
        requirements = IndexGraph(count: subjects.count, edges: declaredRequirements)
        order = Levels(count: subjects.count, hard: declaredRequirements).order
        goesDown = [Bool](repeating: false, count: subjects.count)
        draggedBy = [Int32](repeating: -1, count: subjects.count)
        willBeUp = [Bool](repeating: false, count: subjects.count)
    }

    private static func edges(
        _ subjects: [Subject],
        _ numbers: [QualifiedName: Int32],
        _ dependencies: (Subject) -> [QualifiedName]
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

    /// Step 2: what must stop for its own sake, and all that requires it, nearest first.
    ///
    /// A restart whose requirement cannot be up is not begun: better the old version up than none.
    mutating func findWhatGoesDown() {
        let mayBeUp = findWhatMayBeUp()
        var pending: [Int32] = []
        for (number, subject) in subjects.enumerated() {
            switch subject.need {
            case .stop: break
            case .restart: guard hasRequirements(number, mayBeUp) else { continue }
            case .nothing, .update, .start: continue
            }
            goesDown[number] = true
            pending.append(Int32(number))
        }
        guard !pending.isEmpty else { return }
        let dependents = IndexGraph(
            count: subjects.count,
            edges: recordedRequirements + declaredRequirements,
            turned: true
        )
        var position = 0
        while position < pending.count {
            let cause = pending[position]
            position += 1
            for dependent in dependents.row(Int(cause)) {
                let number = Int(dependent)
                guard !goesDown[number], subjects[number].isLive, !subjects[number].wish.isHandsOff else { continue }
                goesDown[number] = true
                draggedBy[number] = cause
                pending.append(dependent)
            }
        }
    }

    /// What could be up if nothing were dragged down: false means that it will not be up whatever the plan does.
    private func findWhatMayBeUp() -> [Bool] {
        var isUp = [Bool](repeating: false, count: subjects.count)
        for number in order {
            let subject = subjects[number]
            switch subject.wish {
            case .isHandsOff, .isLeftAlone: isUp[number] = subject.isUpAsItIs
            case .isDownByStatus, .isDownByOrder, .isGone: isUp[number] = false
            case .isUp where subject.isLive: isUp[number] = subject.need == .restart || subject.isUpAsItIs
            case .isUp: isUp[number] = subject.need == .start && hasRequirements(number, isUp)
            }
        }
        return isUp
    }

    /// Step 3: what will be up afterwards, requirements before dependents.
    ///
    /// What stays as it is does not depend on its requirements: a crash does not cascade.
    mutating func findWhatWillBeUp() {
        for number in order {
            let subject = subjects[number]
            if subject.isLive && !goesDown[number] {
                willBeUp[number] = subject.isUpAsItIs
            } else {
                let isWanted = subject.wish.isWanted && (goesDown[number] || subject.need == .start)
                willBeUp[number] = isWanted && hasRequirements(number, willBeUp)
            }
        }
    }

    /// Whether all that a manifest requires is among those; what nobody knows is not.
    private func hasRequirements(_ number: Int, _ isUp: [Bool]) -> Bool {
        let row = requirements.row(number)
        return row.count == subjects[number].declaredRequires.count && row.allSatisfy { isUp[Int($0)] }
    }

    /// What a service requires and will not have, sorted.
    func missing(_ number: Int) -> [QualifiedName] {
        let missing = subjects[number].declaredRequires.filter { name in
            guard let requirement = numbers[name] else { return true }
            return !willBeUp[Int(requirement)]
        }
        return missing.count > 1 ? Set(missing).sorted() : missing
    }
}

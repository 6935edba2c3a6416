import HeroModel

extension PlanBuilder {
    /// Step 5: the changes, their waves, and what else there is to say.
    func makePlan(from revision: RevisionNumber) -> Plan {
        let actions = services.indices.map(plannedAction)
        var changes = services.indices.map { makeChange($0, actions) }
        let stops = Waves(
            services.indices.filter { willStop[$0] },
            among: indexByName,
            hard: { services[$0].recordedRequires },
            soft: { services[$0].observed?.after ?? [] },
            reversed: true
        )
        let starts = Waves(
            services.indices.filter { actions[$0].includesStart },
            among: indexByName,
            hard: { services[$0].declaredRequires },
            soft: { (services[$0].declared?.spec.after ?? []) + (services[$0].declared?.spec.wants ?? []) }
        )
        for (number, wave) in stops.waveNumbers { changes[number].stopWave = wave }
        for (number, wave) in starts.waveNumbers { changes[number].startWave = wave }
        let shown = options.only.isEmpty ? changes : zip(changes, isInScope).filter { $0.1 }.map { $0.0 }
        return Plan(
            baseRevision: revision,
            changes: shown,
            stopWaves: stops.waves.map { wave in wave.map { services[$0].name } },
            startWaves: starts.waves.map { wave in wave.map { services[$0].name } },
            diagnostics: warnings(shown, hasBrokenCycles: stops.hasBrokenCycles)
        )
    }

    private func plannedAction(_ number: Int) -> PlanAction {
        let subject = services[number]
        if willStop[number] {
            return subject.target.isUp && willBeUp[number] ? .restart : .stop
        }
        switch directChange(number) {
        case .nothing: return .keep
        case .update: return .update
        case .start: return willBeUp[number] ? .start : .blocked
        case .restart: return .blocked
        case .stop: return .stop
        }
    }

    private func makeChange(_ number: Int, _ actions: [PlanAction]) -> Change {
        let subject = services[number]
        let action = actions[number]
        let isKeptDown = action == .stop && subject.target.isUp
        var change = Change(subject.name, action, Reason(.unchanged, ""))
        change.fields = isKeptDown || action == .keep ? [] : subject.fields
        let obstacles = isKeptDown || action == .blocked ? unmetConditions(number) : UnmetConditions()
        change.blockedBy = obstacles.all
        if directChange(number) != .stop, cascadeCause[number] >= 0 {
            let cause = Int(cascadeCause[number])
            // A restart that has a reason of its own keeps it, unless it ends as a stop.
            if directChange(number) != .restart || isKeptDown {
                change.cause = services[cause].name
                change.reason = cascadeReason(number, cause: cause, actions[cause], obstacles)
                return change
            }
        }
        change.reason = directReason(number, action, obstacles)
        return change
    }

    /// Whether it is down because of another that is wanted up as well: the plan is refused for that.
    private func isConflictBetweenWanted(_ change: Change) -> Bool {
        guard change.reason.code == .conflict, let number = indexByName[change.service] else { return false }
        return conflicting(Int(number)).contains { services[Int($0)].target.isUp }
    }

    /// What a person must know of the plan as a whole.
    private func warnings(_ changes: [Change], hasBrokenCycles: Bool) -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        // Two that conflict and are both wanted up are an error, and an error is said once.
        let blocked = changes.filter { $0.action == .blocked && !isConflictBetweenWanted($0) }
        if let first = blocked.first {
            let others =
                switch blocked.count {
                case 1: ""
                case 2: ", and 1 more is blocked"
                default: ", and \(blocked.count - 1) more are blocked"
                }
            let waits = first.blockedBy.map(\.description).joined(separator: ", ")
            let help =
                first.reason.code == .conflict
                ? "take down what it conflicts with, or take it out of `conflicts`"
                : "bring up what it waits for, or take it out of `requires`"
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: "blocked",
                    "\(first.service) waits for \(waits)\(others)",
                    help: help,
                    at: first.reason.place
                )
            )
        }
        if hasBrokenCycles {
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: "recorded-cycle",
                    "what runs was started with dependencies that form a circle by now: "
                        + "inside it, services stop in the order of their names"
                )
            )
        }
        return diagnostics
    }
}

extension PlanAction {
    /// Whether it is in a start wave.
    var includesStart: Bool {
        switch self {
        case .start, .restart: true
        case .keep, .stop, .update, .blocked: false
        }
    }

    /// Whether it is in a stop wave.
    var includesStop: Bool {
        switch self {
        case .stop, .restart: true
        case .keep, .start, .update, .blocked: false
        }
    }
}

/// Some services in the earliest wave each can be in, by the dependencies between them alone.
struct Waves {
    /// The services of each wave, in ascending order.
    let waves: [[Int]]
    /// Whether dependencies had to be left out because they form a cycle.
    let hasBrokenCycles: Bool

    /// Orders members; `turned` puts dependents first.
    init(
        _ members: [Int],
        among numbers: [QualifiedName: Int32],
        hard: (Int) -> [QualifiedName],
        soft: (Int) -> [QualifiedName],
        reversed: Bool = false
    ) {
        guard !members.isEmpty else {
            waves = []
            hasBrokenCycles = false
            return
        }
        var places = [Int32](repeating: -1, count: numbers.count)
        for (place, member) in members.enumerated() { places[member] = Int32(place) }
        func edges(_ dependencies: (Int) -> [QualifiedName]) -> [IndexEdge] {
            var edges: [IndexEdge] = []
            for (place, member) in members.enumerated() {
                for name in dependencies(member) {
                    guard let number = numbers[name], places[Int(number)] >= 0 else { continue }
                    let (dependent, dependency) = (Int32(place), places[Int(number)])
                    edges.append(
                        reversed
                            ? IndexEdge(dependent: dependency, dependency: dependent)
                            : IndexEdge(dependent: dependent, dependency: dependency)
                    )
                }
            }
            return edges
        }
        let levels = DependencyLevels(count: members.count, hard: edges(hard), soft: edges(soft))
        waves = levels.waves.map { wave in wave.map { members[$0] } }
        hasBrokenCycles = levels.hasBrokenCycles
    }

    /// Every member with the number of its wave.
    var waveNumbers: [(number: Int, wave: Int)] {
        waves.enumerated().flatMap { wave, members in members.map { ($0, wave) } }
    }
}

import HeroModel

extension PlanBuilder {
    /// Step 5: the changes, their waves and the warnings.
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
                + services.indices.filter { actions[$0].includesStart }.flatMap(skippedOnceWarnings)
        )
    }

    private func plannedAction(_ number: Int) -> PlanAction {
        let service = services[number]
        if willStop[number] {
            return service.target.isUp && willBeUp[number] ? .restart : .stop
        }
        switch directChange(number) {
        case .nothing: return .keep
        case .update: return .update
        case .reload: return .reload
        case .start: return willBeUp[number] ? .start : .blocked
        case .restart: return .blocked
        case .stop: return .stop
        }
    }

    private func makeChange(_ number: Int, _ actions: [PlanAction]) -> Change {
        let service = services[number]
        let action = actions[number]
        let staysDown = action == .stop && service.target.isUp
        var change = Change(service.name, action, Reason(.unchanged, ""))
        change.fields = staysDown || action == .keep ? [] : service.fields
        let conditions = staysDown || action == .blocked ? unmetConditions(number) : UnmetConditions()
        change.blockedBy = conditions.all
        if directChange(number) != .stop, cascadeCause[number] >= 0 {
            let cause = Int(cascadeCause[number])
            // A restart that has a reason of its own keeps it, unless it ends as a stop.
            if directChange(number) != .restart || staysDown {
                change.cause = services[cause].name
                change.reason = cascadeReason(number, cause: cause, actions[cause], conditions)
                if action.includesStart { change.reason.text += service.onceActions.text }
                return change
            }
        }
        change.reason = directReason(number, action, conditions)
        if action.includesStart { change.reason.text += service.onceActions.text }
        return change
    }

    /// Whether the service is down because of a conflict with another one that should be up; the plan is refused.
    private func isConflictBetweenWanted(_ change: Change) -> Bool {
        guard change.reason.code == .conflict, let number = indexByName[change.service] else { return false }
        return conflicting(Int(number)).contains { services[Int($0)].target.isUp }
    }

    /// The warnings about the plan as a whole.
    private func warnings(_ changes: [Change], hasBrokenCycles: Bool) -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        // A conflict of two services that should both be up is already an error.
        let blocked = changes.filter { $0.action == .blocked && !isConflictBetweenWanted($0) }
        if let first = blocked.first {
            let others =
                switch blocked.count {
                case 1: ""
                case 2: ", and 1 more is blocked"
                default: ", and \(blocked.count - 1) more are blocked"
                }
            let waits = first.blockedBy.map(\.description).joined(separator: ", ")
            let isOnceUnknown = first.reason.code == .onceUnknown
            let help =
                isOnceUnknown
                ? "raise `generation` of the action to run it"
                : first.reason.code == .conflict
                    ? "stop the conflicting service, or remove it from `conflicts`"
                    : "start the services it waits for, or remove them from `requires`"
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: "blocked",
                    isOnceUnknown
                        ? "\(first.service) does not start: \(first.reason.text)\(others)"
                        : "\(first.service) waits for \(waits)\(others)",
                    help: help,
                    at: first.reason.location
                )
            )
        }
        if hasBrokenCycles {
            diagnostics.append(
                Diagnostic(
                    .warning,
                    code: "recorded-cycle",
                    "the running services were started with dependencies that now form a cycle; "
                        + "services inside the cycle stop in the order of their names"
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
        case .keep, .stop, .update, .reload, .blocked: false
        }
    }

    /// Whether it is in a stop wave.
    var includesStop: Bool {
        switch self {
        case .stop, .restart: true
        case .keep, .start, .update, .reload, .blocked: false
        }
    }
}

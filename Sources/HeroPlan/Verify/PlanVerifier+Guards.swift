import HeroModel

extension PlanVerifier {
    func conflictsNeverRunTogether() -> [PlanViolation] {
        services.compactMap { change in
            // A start within the current run does not begin a conflict: the service counts as up already.
            let isHealed =
                change.action == .start && isStarted(change.service)
                && observed.services[change.service]?.notRunning != nil
            guard willStart(change.service), !isHealed, let other = activeConflicts(change.service).min() else {
                return nil
            }
            return PlanViolation(.conflictsNeverRunTogether, change.service, "starts while \(other) is up")
        }
    }

    func narrowedPlansStayInScope() -> [PlanViolation] {
        guard !options.only.isEmpty else { return [] }
        var inside = Set(options.only)
        var pending = options.only
        // What a scope stops can block a restart that requires it for the start only. The cascade of that restart
        // is in scope then, although the restart does not take place.
        let hasBlockedRestart = services.contains { change in
            guard change.action == .blocked, isStarted(change.service) else { return false }
            return desired.services[change.service]?.spec.requirements.contains { !$0.cascades } ?? false
        }
        var dependents: [QualifiedName: [QualifiedName]] = [:]
        for change in services {
            let name = change.service
            for other in (desired.services[name]?.spec.cascadingRequires ?? [])
                + (observed.services[name]?.requires ?? [])
            {
                dependents[other, default: []].append(name)
            }
        }
        // Follow the actual stops and starts from the named services.
        while let name = pending.popLast() {
            var next = (dependents[name] ?? []).filter { hasBlockedRestart || willStop(name) && willStop($0) }
            if hasBlockedRestart || willStart(name) || changes[name]?.action == .blocked
                || !(changes[name]?.blockedBy ?? []).isEmpty
            {
                // A degraded requirement whose running jobs stay is completed as well.
                next += declaredRequires(name).filter { !isStarted($0) || ownChange($0) == .start }
                next += (conflicts[name] ?? []).filter { expectedState($0) == .down }
            }
            for other in next where inside.insert(other).inserted { pending.append(other) }
        }
        return plan.changes.compactMap { change in
            guard change.action != .keep, !inside.contains(change.service) else { return nil }
            return PlanViolation(
                .narrowedPlansStayInScope,
                change.service,
                "\(change.action.rawValue), and it is out of scope"
            )
        }
    }

    func standaloneActionsAreIndependent() -> [PlanViolation] {
        let invariant = PlanInvariant.standaloneActionsAreIndependent
        var violations: [PlanViolation] = []
        var due = Set(observed.standalone.keys)
        for (name, declared) in desired.actions where declared.spec.isStandalone { due.insert(name) }
        if !options.only.isEmpty { due.formIntersection(options.only) }
        if Set(standalone.map(\.service)) != due || standalone.count != due.count {
            violations.append(PlanViolation(invariant, nil, "not every standalone action appears exactly once"))
        }
        for change in standalone {
            if change.stopWave != nil || change.startWave != nil || change.cause != nil || !change.blockedBy.isEmpty {
                violations.append(PlanViolation(invariant, change.service, "depends on other changes"))
            }
            let expected = expectedStandaloneAction(change.service)
            if change.action != expected {
                let text = "\(change.action.rawValue) instead of \(expected.rawValue)"
                violations.append(PlanViolation(invariant, change.service, text))
            }
        }
        return violations
    }

    private func expectedStandaloneAction(_ name: QualifiedName) -> PlanAction {
        let found = observed.standalone[name]
        if options.down != .none {
            return found.map { $0.isActive || $0.isScheduled } ?? false ? .stop : .keep
        }
        guard let spec = desired.actions[name]?.spec, spec.isStandalone else {
            return found != nil && (desired.actions[name] != nil || options.prunes) ? .stop : .keep
        }
        guard let found else { return .start }
        let (before, after) = (found.canonical.values, CanonicalSpec(standalone: spec).values)
        let paths = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        func generation(_ values: [ByteText: ByteText]) -> Int { Int(values["generation"]?.text ?? "0") ?? 0 }
        let isGenerationRaised = generation(after) > generation(before)
        let needsRun = paths.contains { path in
            if path == "run_on" { return true }
            if path == "generation" { return isGenerationRaised }
            return CanonicalSpec.cost(of: "actions.it.\(path.text)") == .restart
        }
        let runsOnce = spec.schedule != nil && isGenerationRaised
        if spec.runOn == .apply && needsRun || runsOnce { return found.isActive ? .restart : .start }
        let hasFailedRequest =
            found.requestedRun == .begun || found.requestedRun == .none && found.hasFailed && spec.runOn == .apply
        if options.rerunsFailed, hasFailedRequest, !found.isActive { return .start }
        if spec.schedule != nil && !found.isScheduled { return .start }
        return paths.isEmpty ? .keep : .update
    }

    func reclaimsAreAllowed() -> [PlanViolation] {
        plan.reclaims.compactMap { reclaim in
            func violation(_ text: String) -> PlanViolation {
                PlanViolation(.reclaimsAreAllowed, reclaim.service, "pid \(reclaim.pid) \(text)")
            }
            guard options.allowsReclaims else { return violation("is stopped although reclaims are forbidden") }
            let starts = plan.changes.contains { change in
                change.service == reclaim.service && change.isStandalone == reclaim.isStandalone
                    && (change.action == .start || change.action == .restart)
            }
            guard starts else { return violation("is stopped for an action that does not start") }
            let holder = observed.holders.first { holder in
                holder.service == reclaim.service && holder.action == reclaim.action && holder.pid == reclaim.pid
                    && holder.resource == reclaim.resource
            }
            guard let holder, holder.protection == nil else { return violation("must not be stopped") }
            let spec =
                reclaim.isStandalone
                ? desired.actions[reclaim.service]?.spec
                : desired.services[reclaim.service]?.spec.actions.first { $0.name == reclaim.action }
            let isAllowed =
                switch reclaim.allowedBy {
                case .killOthers: spec?.killsOthers ?? false
                case .singleton: spec?.singleton ?? false && holder.isInstance
                }
            return isAllowed ? nil : violation("is stopped without permission")
        }
    }

    func guardsAreEnforced() -> [PlanViolation] {
        guard options.down == .none else { return [] }
        let refused = Set(plan.refusals.map(\.code))
        var violations: [PlanViolation] = []
        let moved = services.filter { willStop($0.service) }
        if let limit = desired.settings.maxDisruption, !options.allowsDisruption, moved.count > limit {
            if !refused.contains("too-disruptive") {
                let text = "\(moved.count) services, but the limit is \(limit)"
                violations.append(PlanViolation(.guardsAreEnforced, nil, text))
            }
        }
        if !options.allowsBroken, !refused.contains("cannot-start-again") {
            let broken = Set(observed.startProblems.filter { !$0.isStandalone }.map(\.service))
            for change in moved where change.action == .restart && broken.contains(change.service) {
                guard observed.services[change.service]?.state == .running else { continue }
                violations.append(PlanViolation(.guardsAreEnforced, change.service, "could not start again"))
            }
        }
        guard !options.allowsProtected, !refused.contains("protected") else { return violations }
        for change in moved where desired.services[change.service]?.spec.isProtected ?? false {
            guard observed.services[change.service]?.state.isUp ?? false else { continue }
            violations.append(PlanViolation(.guardsAreEnforced, change.service, "is protected"))
        }
        return violations
    }
}

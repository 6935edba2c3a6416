import HeroModel

// The reason texts of services: why a service changes, is kept or is blocked.

extension PlanBuilder {
    /// The reason of a direct change, or of no change.
    func directReason(_ number: Int, _ action: PlanAction, _ conditions: UnmetConditions) -> Reason {
        let service = services[number]
        switch action {
        case .keep: return keepReason(service)
        case .blocked: return blockedReason(number, conditions)
        case .update: return Self.fieldReason(.specChanged, service.fields)
        case .reload: return reloadReason(service)
        case .start: return startReason(service)
        case .restart: return restartReason(service)
        case .stop:
            guard service.target.isUp else { return stopReason(service) }
            guard !isStoppedForRequirement[number] else { return unmetConditionReason(service, conditions) }
            var reason = restartReason(service)
            reason.text += "; it cannot start again: \(unmetConditionReason(service, conditions).text)"
            return reason
        }
    }

    /// The reason of a service that stops because of another one.
    func cascadeReason(_ number: Int, cause: Int, _ causeAction: PlanAction, _ conditions: UnmetConditions) -> Reason {
        let service = services[number]
        let name = services[cause].name
        let verb = causeAction == .restart ? "restarts" : "stops"
        let isDeclared = service.declaredCascade.contains(name)
        let location = isDeclared ? service.declared?.location(of: "requires") : nil
        let link =
            isDeclared ? "requires it\(Self.locationSuffix(location))" : "required it when it was started"
        var text = "\(name) \(verb), and \(service.name) \(link)"
        if service.declared == nil {
            text += "; no manifest declares it any more, so it stays down"
        } else if service.target.isUp, conditions.all.isEmpty, let once = onceReason(number) {
            text += "; it should be up, but \(once.text)"
        } else if service.target.isUp, !conditions.all.isEmpty {
            text += "; it should be up, but "
            text +=
                conditions.requirements.first == name
                ? "cannot start without it" : unmetConditionReason(service, conditions).text
        }
        return Reason(.cascade, text, at: location)
    }

    private func keepReason(_ service: PlannedService) -> Reason {
        switch service.target {
        case .ignored: Reason(.ignored, "its status is ignore", at: service.declared?.location(of: "status"))
        case .leftUndeclared: Reason(.undeclared, "no manifest declares it any more, and pruning is off")
        case .untouched: Reason(.unchanged, "its change is deferred")
        case .downByStatus, .downByCommand, .pruned: Reason(.unchanged, "it is already down")
        case .up where service.isStarted && service.hasFailedReload:
            Reason(.unchanged, "its reload failed: \(service.observed?.reloadFailure?.text ?? "")")
        case .up where service.isStarted: Reason(.unchanged, keptRunningText(service))
        case .up: Reason(.unchanged, "it has failed, and healing does not retry it")
        }
    }

    private func keptRunningText(_ service: PlannedService) -> String {
        switch service.observed?.state {
        case .starting: "it matches its manifest and is starting"
        case .backingOff: "it matches its manifest and is retried automatically"
        case .exited: "it matches its manifest and has completed"
        case .stopped, .blocked, .running, .degraded, .stopping, .failed, nil: "it matches its manifest"
        }
    }

    private func startReason(_ service: PlannedService) -> Reason {
        guard let observed = service.observed else {
            let location = service.declared?.location
            return Reason(
                .declared,
                "it is declared and was never started\(Self.locationSuffix(location))",
                at: location
            )
        }
        if let status = service.fields.first(where: { $0.path == "status" }) {
            return Reason(.wantedStart, Self.fieldChangeText(status), at: status.location)
        }
        let isRetriedBecauseOfChange = observed.state == .failed && service.fields.first?.cost == .restart
        return isRetriedBecauseOfChange
            ? Self.fieldReason(.specChanged, service.fields) : notUpReason(service, observed)
    }

    private func restartReason(_ service: PlannedService) -> Reason {
        guard service.fields.first?.cost != .restart, let observed = service.observed else {
            return Self.fieldReason(.specChanged, service.fields)
        }
        return notUpReason(service, observed)
    }

    private func reloadReason(_ service: PlannedService) -> Reason {
        var reason = Self.fieldReason(.specChanged, service.fields)
        if let failure = service.observed?.reloadFailure { reason.text += "; its last reload failed: \(failure.text)" }
        return reason
    }

    /// Why a service that should be up, and was up before, does not count as up.
    private func notUpReason(_ service: PlannedService, _ observed: ObservedService) -> Reason {
        let location = service.declared?.location
        if let notRunning = observed.notRunning {
            return Reason(.notRunning, "it should be up, but \(notRunning)", at: location)
        }
        if !observed.isActive, let drift = observed.drift.first(where: { $0.kind == .processGone }) {
            return Reason(.notRunning, "it should be up, but \(drift.text)", at: location)
        }
        if service.isStarted, let unhealthy = observed.unhealthy {
            return Reason(.unhealthy, "it is up, but \(unhealthy)", at: location)
        }
        let text =
            switch observed.state {
            case .stopped: "it should be up and is stopped"
            case .blocked: "it was blocked, and nothing blocks it any more"
            case .failed: "it should be up and has failed; it is retried"
            case .degraded: "a part of it is down and is not restarted automatically"
            case .stopping: "it should be up and is stopping"
            case .starting, .running, .backingOff, .exited: "it should be up and is not running"
            }
        return Reason(.notRunning, text, at: location)
    }

    private func stopReason(_ service: PlannedService) -> Reason {
        switch service.target {
        case .downByCommand:
            return Reason(.wantedStop, "`down` stops it")
        case .pruned, .leftUndeclared:
            return Reason(.undeclared, "no manifest declares it any more")
        case .downByStatus, .up, .ignored, .untouched:
            if let status = service.fields.first {
                return Reason(.wantedStop, Self.fieldChangeText(status), at: status.location)
            }
            let location = service.declared?.location(of: "status")
            let status = service.declared?.spec.status.rawValue ?? "stop"
            return Reason(.wantedStop, "its status is \(status)\(Self.locationSuffix(location))", at: location)
        }
    }

    private func blockedReason(_ number: Int, _ conditions: UnmetConditions) -> Reason {
        let service = services[number]
        var reason =
            conditions.all.isEmpty
            ? onceReason(number) ?? unmetConditionReason(service, conditions)
            : unmetConditionReason(service, conditions)
        if service.isStarted, !service.fields.isEmpty { reason.text += "; until then it keeps running unchanged" }
        return reason
    }

    /// The first unmet condition, and the number of further ones.
    private func unmetConditionReason(_ service: PlannedService, _ conditions: UnmetConditions) -> Reason {
        let others = conditions.all.count > 1 ? " (and \(conditions.all.count - 1) more)" : ""
        // A requirement that should be down explains more than one that is down.
        let shouldBeDown = { (name: QualifiedName) in
            indexByName[name].map { services[Int($0)].target.isDown } ?? false
        }
        if let name = conditions.requirements.first(where: shouldBeDown) ?? conditions.requirements.first {
            let location = service.declared?.location(of: "requires")
            let text =
                "it requires \(name)\(Self.locationSuffix(location)), which \(requirementStateText(of: name))\(others)"
            return Reason(.requirementDown, text, at: location)
        }
        guard let name = conditions.conflicts.first else {
            return Reason(.requirementDown, "its requirements will not be up")
        }
        let isOwn = service.conflicts.contains(name)
        let other = indexByName[name].map { services[Int($0)] }
        let location = isOwn ? service.declared?.location(of: "conflicts") : other?.declared?.location(of: "conflicts")
        let link =
            isOwn
            ? "it conflicts with \(name)\(Self.locationSuffix(location)), which"
            : "\(name) conflicts with it\(Self.locationSuffix(location)), and"
        return Reason(.conflict, "\(link) \(conflictStateText(other))\(others)", at: location)
    }

    /// Why a conflicting service stays up.
    private func conflictStateText(_ service: PlannedService?) -> String {
        guard let service else { return "is up" }
        switch service.target {
        case .ignored:
            return "is up and has status ignore\(Self.locationSuffix(service.declared?.location(of: "status")))"
        case .leftUndeclared: return "stays up because pruning is off"
        case .up: return "should be up as well"
        case .untouched: return "is up, and its change is deferred"
        case .downByStatus, .downByCommand, .pruned: return "is up"
        }
    }

    /// Why a requirement is not up.
    private func requirementStateText(of name: QualifiedName) -> String {
        guard let number = indexByName[name] else { return "no manifest declares" }
        let service = services[Int(number)]
        switch service.target {
        case .downByStatus:
            let status = service.declared?.spec.status.rawValue ?? "stop"
            return "has status \(status)\(Self.locationSuffix(service.declared?.location(of: "status")))"
        case .downByCommand: return "`down` stops"
        case .ignored: return "has status ignore and is not up"
        case .pruned, .leftUndeclared: return "no manifest declares any more"
        case .untouched: return "is not up, and its change is deferred"
        case .up:
            guard service.isStarted || directChange(Int(number)) == .nothing, let state = service.observed?.state else {
                return "cannot start itself"
            }
            return state == .failed ? "has failed" : "is \(state.rawValue)"
        }
    }

    /// The reason of the most expensive field; a generation counts only if no other field needs the restart.
    static func fieldReason(_ code: Reason.Code, _ fields: [FieldDiff]) -> Reason {
        let mostExpensive = fields.prefix { $0.cost == fields.first?.cost }
        let isRaise = !mostExpensive.isEmpty && mostExpensive.allSatisfy(\.isGenerationRaise)
        guard let field = mostExpensive.first(where: { !$0.isGenerationRaise }) ?? mostExpensive.first else {
            return Reason(code, "its manifest changed")
        }
        let others = fields.count > 1 ? ", and \(fields.count - 1) more" : ""
        return Reason(isRaise ? .generationRaised : code, fieldChangeText(field) + others, at: field.location)
    }

    static func fieldChangeText(_ field: FieldDiff) -> String {
        if let file = field.file { return "\(file) has changed\(locationSuffix(field.location))" }
        let verb = field.isGenerationRaise ? "was raised" : "changed"
        let (before, after) = (valueText(field.before, of: field.path), valueText(field.after, of: field.path))
        return "\(field.path) \(verb) from \(before) to \(after)\(locationSuffix(field.location))"
    }

    /// A value in a sentence: the default if it is missing, and only the beginning if it is long.
    private static func valueText(_ value: String?, of path: String) -> String {
        guard let value = value ?? CanonicalSpec.defaultText(of: path) else { return "nothing" }
        let longest = 60
        return value.count > longest ? value.prefix(longest) + "…" : value
    }

    static func locationSuffix(_ location: ManifestLocation?) -> String {
        location.map { " (\($0.fileAndLine))" } ?? ""
    }
}

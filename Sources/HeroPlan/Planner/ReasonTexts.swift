import HeroModel

extension PlanBuilder {
    /// Why a service changes for its own sake, or does not.
    func directReason(_ number: Int, _ action: PlanAction, _ obstacles: UnmetConditions) -> Reason {
        let subject = services[number]
        switch action {
        case .keep: return keepReason(subject)
        case .blocked: return blockedReason(subject, obstacles)
        case .update: return Self.fieldReason(.specChanged, subject.fields)
        case .start: return startReason(subject)
        case .restart: return restartReason(subject)
        case .stop:
            guard subject.target.isUp else { return stopReason(subject) }
            guard !isStoppedForRequirement[number] else { return unmetConditionReason(subject, obstacles) }
            var reason = restartReason(subject)
            reason.text += "; it cannot come up again: \(unmetConditionReason(subject, obstacles).text)"
            return reason
        }
    }

    /// Why a service goes down with another.
    func cascadeReason(_ number: Int, cause: Int, _ causeAction: PlanAction, _ obstacles: UnmetConditions) -> Reason {
        let subject = services[number]
        let name = services[cause].name
        let does = causeAction == .restart ? "restarts" : "stops"
        let isDeclared = subject.declaredRequires.contains(name)
        let place = isDeclared ? subject.declared?.location(of: "requires") : nil
        let link = isDeclared ? "requires it\(Self.locationSuffix(place))" : "was started as requiring it"
        var text = "\(name) \(does), and \(subject.name) \(link)"
        if subject.declared == nil {
            text += "; no manifest declares it any more, so it stays down"
        } else if subject.target.isUp, !obstacles.all.isEmpty {
            text += "; it is wanted, but "
            text +=
                obstacles.requirements.first == name
                ? "cannot come up without it" : unmetConditionReason(subject, obstacles).text
        }
        return Reason(.cascade, text, at: place)
    }

    private func keepReason(_ subject: PlannedService) -> Reason {
        switch subject.target {
        case .ignored: Reason(.ignored, "its status is ignore", at: subject.declared?.location(of: "status"))
        case .leftUndeclared: Reason(.undeclared, "no manifest declares it any more, and pruning is off")
        case .downByStatus, .downByCommand, .pruned: Reason(.unchanged, "it is down, as it is wanted")
        case .up where subject.isStarted: Reason(.unchanged, keptRunningText(subject))
        case .up: Reason(.unchanged, "it gave up, and nothing asks to try it again")
        }
    }

    private func keptRunningText(_ subject: PlannedService) -> String {
        switch subject.observed?.state {
        case .starting: "it is as its manifest says, and on its way up"
        case .backingOff: "it is as its manifest says, and is tried again by itself"
        case .exited: "it is as its manifest says, and ended well"
        case .stopped, .blocked, .running, .degraded, .stopping, .failed, nil: "it is as its manifest says"
        }
    }

    private func startReason(_ subject: PlannedService) -> Reason {
        guard let observed = subject.observed else {
            let place = subject.declared?.location
            return Reason(.declared, "it is declared and was never up\(Self.locationSuffix(place))", at: place)
        }
        if let status = subject.fields.first(where: { $0.path == "status" }) {
            return Reason(.wantedStart, Self.fieldChangeText(status), at: status.place)
        }
        let isRetriedForItsChange = observed.state == .failed && subject.fields.first?.cost == .restart
        return isRetriedForItsChange ? Self.fieldReason(.specChanged, subject.fields) : notUpReason(subject, observed)
    }

    private func restartReason(_ subject: PlannedService) -> Reason {
        guard subject.fields.first?.cost != .restart, let observed = subject.observed else {
            return Self.fieldReason(.specChanged, subject.fields)
        }
        return notUpReason(subject, observed)
    }

    /// Why a service that is wanted up and was up before does not count as up.
    private func notUpReason(_ subject: PlannedService, _ observed: ObservedService) -> Reason {
        let place = subject.declared?.location
        if !observed.isActive, let drift = observed.drift.first(where: { $0.kind == .processGone }) {
            return Reason(.notRunning, "it is wanted up, but \(drift.text)", at: place)
        }
        if subject.isStarted, let unhealthy = observed.unhealthy {
            return Reason(.unhealthy, "it is up, but \(unhealthy)", at: place)
        }
        let text =
            switch observed.state {
            case .stopped: "it is wanted up and is stopped"
            case .blocked: "it was blocked, and what it waited for is no longer in its way"
            case .failed: "it is wanted up and gave up; it is tried again"
            case .degraded: "a part of it is down, and nothing else brings it back"
            case .stopping: "it is wanted up and is on its way down"
            case .starting, .running, .backingOff, .exited: "it is wanted up and does not run"
            }
        return Reason(.notRunning, text, at: place)
    }

    private func stopReason(_ subject: PlannedService) -> Reason {
        switch subject.target {
        case .downByCommand:
            return Reason(.wantedStop, "`down` takes it along")
        case .pruned, .leftUndeclared:
            return Reason(.undeclared, "no manifest declares it any more")
        case .downByStatus, .up, .ignored:
            if let status = subject.fields.first {
                return Reason(.wantedStop, Self.fieldChangeText(status), at: status.place)
            }
            let place = subject.declared?.location(of: "status")
            let status = subject.declared?.spec.status.rawValue ?? "stop"
            return Reason(.wantedStop, "its status is \(status)\(Self.locationSuffix(place))", at: place)
        }
    }

    private func blockedReason(_ subject: PlannedService, _ obstacles: UnmetConditions) -> Reason {
        var reason = unmetConditionReason(subject, obstacles)
        if subject.isStarted, !subject.fields.isEmpty { reason.text += "; until then it runs on as it was started" }
        return reason
    }

    /// What is wrong with the first thing that keeps it down, and how many more there are.
    private func unmetConditionReason(_ subject: PlannedService, _ obstacles: UnmetConditions) -> Reason {
        let others = obstacles.all.count > 1 ? " (and \(obstacles.all.count - 1) more)" : ""
        // What is wanted down says more than what merely is.
        let isWantedDown = { (name: QualifiedName) in indexByName[name].map { services[Int($0)].target.isDown } ?? false
        }
        if let name = obstacles.requirements.first(where: isWantedDown) ?? obstacles.requirements.first {
            let place = subject.declared?.location(of: "requires")
            let text =
                "it requires \(name)\(Self.locationSuffix(place)), which \(requirementStateText(of: name))\(others)"
            return Reason(.requirementDown, text, at: place)
        }
        guard let name = obstacles.conflicts.first else {
            return Reason(.requirementDown, "what it requires will not be up")
        }
        let isOwn = subject.conflicts.contains(name)
        let other = indexByName[name].map { services[Int($0)] }
        let place = isOwn ? subject.declared?.location(of: "conflicts") : other?.declared?.location(of: "conflicts")
        let link =
            isOwn
            ? "it conflicts with \(name)\(Self.locationSuffix(place)), which"
            : "\(name) conflicts with it\(Self.locationSuffix(place)), and"
        return Reason(.conflict, "\(link) \(conflictStateText(other))\(others)", at: place)
    }

    /// Why something that is in the way stays up.
    private func conflictStateText(_ subject: PlannedService?) -> String {
        guard let subject else { return "is up" }
        switch subject.target {
        case .ignored: return "is up and on ignore\(Self.locationSuffix(subject.declared?.location(of: "status")))"
        case .leftUndeclared: return "is left up, since pruning is off"
        case .up: return "is wanted up as well"
        case .downByStatus, .downByCommand, .pruned: return "is up"
        }
    }

    private func requirementStateText(of name: QualifiedName) -> String {
        guard let number = indexByName[name] else { return "no manifest declares" }
        let subject = services[Int(number)]
        switch subject.target {
        case .downByStatus:
            return "is wanted down\(Self.locationSuffix(subject.declared?.location(of: "status")))"
        case .downByCommand: return "`down` takes along"
        case .ignored: return "is on ignore and not up"
        case .pruned, .leftUndeclared: return "no manifest declares any more"
        case .up:
            guard subject.isStarted || directChange(Int(number)) == .nothing, let state = subject.observed?.state else {
                return "cannot come up itself"
            }
            return state == .failed ? "gave up" : "is \(state.rawValue)"
        }
    }

    /// The dearest field speaks; a generation only when nothing else asks for the restart.
    static func fieldReason(_ code: Reason.Code, _ fields: [FieldDiff]) -> Reason {
        let dearest = fields.prefix { $0.cost == fields.first?.cost }
        let isRaise = !dearest.isEmpty && dearest.allSatisfy(\.isGenerationRaise)
        guard let field = dearest.first(where: { !$0.isGenerationRaise }) ?? dearest.first else {
            return Reason(code, "its manifest changed")
        }
        let others = fields.count > 1 ? ", and \(fields.count - 1) more" : ""
        return Reason(isRaise ? .generationRaised : code, fieldChangeText(field) + others, at: field.place)
    }

    static func fieldChangeText(_ field: FieldDiff) -> String {
        let verb = field.isGenerationRaise ? "was raised" : "changed"
        let (before, after) = (valueText(field.before, of: field.path), valueText(field.after, of: field.path))
        return "\(field.path) \(verb) from \(before) to \(after)\(locationSuffix(field.place))"
    }

    /// A value in a sentence: the default where there is none, the beginning of what is long.
    private static func valueText(_ value: String?, of path: String) -> String {
        guard let value = value ?? CanonicalSpec.defaultText(of: path) else { return "nothing" }
        let longest = 60
        return value.count > longest ? value.prefix(longest) + "…" : value
    }

    static func locationSuffix(_ place: ManifestLocation?) -> String {
        place.map { " (\($0.fileAndLine))" } ?? ""
    }
}

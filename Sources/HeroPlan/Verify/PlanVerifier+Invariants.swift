import HeroModel

extension PlanVerifier {
    func everyChangeHasAReason() -> [PlanViolation] {
        plan.changes.compactMap { change in
            func violation(_ text: String) -> PlanViolation {
                PlanViolation(.everyChangeHasAReason, change.service, text)
            }
            if change.reason.text.isEmpty { return violation("no text") }
            if Self.validReasonCodes[change.action]?.contains(change.reason.code) != true {
                return violation("\(change.action.rawValue) because of \(change.reason.code.rawValue)")
            }
            if (change.reason.code == .cascade) != (change.cause != nil) {
                return violation("only a cascade has a cause")
            }
            let isOnceUnknown = change.reason.code == .onceUnknown && hasUnknownOnce(change.service)
            if change.action == .blocked && change.blockedBy.isEmpty && !isOnceUnknown {
                return violation("blocked by nothing")
            }
            if change.action == .update || change.action == .reload, change.fields.isEmpty {
                return violation("\(change.action.rawValue) without fields")
            }
            return nil
        }
    }

    /// The reason codes that are valid for each action.
    private static let validReasonCodes: [PlanAction: Set<Reason.Code>] = Dictionary(
        uniqueKeysWithValues: PlanAction.allCases.map { ($0, reasonCodes(of: $0)) }
    )

    private static func reasonCodes(of action: PlanAction) -> Set<Reason.Code> {
        switch action {
        case .keep: [.unchanged, .ignored, .undeclared]
        case .start: [.declared, .wantedStart, .notRunning, .specChanged, .generationRaised]
        case .stop:
            [
                .wantedStop, .undeclared, .cascade, .conflict, .specChanged, .generationRaised, .notRunning, .unhealthy,
                .requirementDown,
            ]
        case .restart: [.specChanged, .generationRaised, .cascade, .notRunning, .unhealthy]
        case .update: [.specChanged, .generationRaised]
        case .reload: [.specChanged]
        case .blocked: [.requirementDown, .conflict, .onceUnknown]
        }
    }

    func everyServiceAppearsOnce() -> [PlanViolation] {
        let invariant = PlanInvariant.everyServiceAppearsOnce
        var violations: [PlanViolation] = []
        for (left, right) in zip(services, services.dropFirst()) where !(left.service < right.service) {
            violations.append(PlanViolation(invariant, right.service, "comes after \(left.service)"))
        }
        for change in services where desired.services[change.service] == nil && !isStarted(change.service) {
            violations.append(PlanViolation(invariant, change.service, "is neither declared nor started"))
        }
        let isDue: (QualifiedName) -> Bool = { desired.services[$0] != nil || isStarted($0) }
        let due =
            options.only.isEmpty
            ? Array(desired.services.keys) + observed.services.keys.filter { isStarted($0) }
            : options.only.filter(isDue)
        for name in Set(due).subtracting(changes.keys).sorted() {
            violations.append(PlanViolation(invariant, name, "is missing"))
        }
        return violations
    }

    func wavesMatchChanges() -> [PlanViolation] {
        checkWaves(plan.stopWaves, "stop", includes: willStop) { $0.stopWave }
            + checkWaves(plan.startWaves, "start", includes: willStart) { $0.startWave }
    }

    private func checkWaves(
        _ waves: [[QualifiedName]],
        _ kind: String,
        includes: (QualifiedName) -> Bool,
        index: (Change) -> Int?
    ) -> [PlanViolation] {
        let invariant = PlanInvariant.wavesMatchChanges
        var violations: [PlanViolation] = []
        var found: [QualifiedName: Int] = [:]
        for (number, wave) in waves.enumerated() {
            if wave.isEmpty { violations.append(PlanViolation(invariant, nil, "\(kind) wave \(number) is empty")) }
            if wave != wave.sorted() {
                violations.append(PlanViolation(invariant, nil, "\(kind) wave \(number) is not sorted"))
            }
            for name in wave {
                if found.updateValue(number, forKey: name) != nil {
                    violations.append(PlanViolation(invariant, name, "is in two \(kind) waves"))
                }
                if changes[name] == nil {
                    violations.append(PlanViolation(invariant, name, "is in a \(kind) wave without a change"))
                }
            }
        }
        for change in services {
            let number = found[change.service]
            if (number != nil) != includes(change.service) {
                violations.append(
                    PlanViolation(
                        invariant,
                        change.service,
                        "\(change.action.rawValue), \(kind) wave \(Self.waveText(number))"
                    )
                )
            } else if number != index(change) {
                violations.append(
                    PlanViolation(invariant, change.service, "has \(kind) wave \(Self.waveText(index(change)))")
                )
            }
        }
        return violations
    }

    private static func waveText(_ number: Int?) -> String { number.map(String.init) ?? "none" }

    func dependentsStopFirst() -> [PlanViolation] {
        let invariant = PlanInvariant.dependentsStopFirst
        var violations: [PlanViolation] = []
        for change in services {
            let name = change.service
            guard isStarted(name), expectedState(name) != .ignored, let record = observed.services[name] else {
                continue
            }
            let declared = desired.services[name]?.spec.cascadingRequires ?? []
            for requirement in record.requires + declared where willStop(requirement) && !willStop(name) {
                violations.append(PlanViolation(invariant, name, "stays up while \(requirement) stops"))
            }
            guard willStop(name) else { continue }
            for requirement in record.requires where isTooLate(name, requirement, by: { $0.requires }) {
                violations.append(PlanViolation(invariant, name, "does not stop before \(requirement)"))
            }
            for other in record.after where isTooLate(name, other, by: { $0.requires + $0.after }) {
                violations.append(
                    PlanViolation(invariant, name, "does not stop before \(other), after which it was started")
                )
            }
        }
        return violations
    }

    /// Whether a dependent does not stop before its dependency although no recorded cycle permits that.
    private func isTooLate(
        _ dependent: QualifiedName,
        _ dependency: QualifiedName,
        by dependencies: (ObservedService) -> [QualifiedName]
    ) -> Bool {
        guard willStop(dependency), let first = changes[dependent]?.stopWave, let then = changes[dependency]?.stopWave
        else { return false }
        return first >= then
            && !isReachable(dependency, dependent) { name in
                observed.services[name].map(dependencies)?.filter(willStop) ?? []
            }
    }

    private func isReachable(
        _ start: QualifiedName,
        _ end: QualifiedName,
        _ next: (QualifiedName) -> [QualifiedName]
    ) -> Bool {
        var seen: Set = [start]
        var pending = [start]
        while let name = pending.popLast() {
            if name == end { return true }
            for other in next(name) where seen.insert(other).inserted { pending.append(other) }
        }
        return false
    }

    func dependenciesStartFirst() -> [PlanViolation] {
        services.flatMap { change -> [PlanViolation] in
            guard let wave = change.startWave, let spec = desired.services[change.service]?.spec else { return [] }
            return (spec.requires + spec.after + spec.wants).compactMap { name in
                guard let other = changes[name]?.startWave, other >= wave else { return nil }
                // The recorded dependencies of kept services may form a cycle with the declared ones of others.
                if !kept.isEmpty, isReachable(name, change.service, startDependencies) { return nil }
                return PlanViolation(
                    .dependenciesStartFirst,
                    change.service,
                    "starts in wave \(wave), \(name) in wave \(other)"
                )
            }
        }
    }

    private func startDependencies(of name: QualifiedName) -> [QualifiedName] {
        guard let spec = desired.services[name]?.spec else { return [] }
        return spec.requires + spec.after + spec.wants
    }

    func requirementsDecideStarts() -> [PlanViolation] {
        services.compactMap { change in
            let unmet: Set<QualifiedName>
            let isFine: Bool
            switch change.action {
            case .keep, .update, .reload: return nil
            // A start within the current run waits for no requirement.
            case .start where isStarted(change.service) && observed.services[change.service]?.notRunning != nil:
                return nil
            case .start, .restart:
                unmet = Set(missingRequirements(change.service))
                isFine = unmet.isEmpty && !hasUnknownOnce(change.service)
            case .blocked, .stop:
                unmet = Set(missingRequirements(change.service) + activeConflicts(change.service))
                let needsBlockers = change.action == .blocked || expectedState(change.service) == .up
                let isHindered = !unmet.isEmpty || hasUnknownOnce(change.service)
                isFine = !needsBlockers || isHindered && change.blockedBy == unmet.sorted()
            }
            guard !isFine else { return nil }
            let text =
                unmet.isEmpty ? "nothing" : unmet.sorted().map(\.description).joined(separator: ", ")
            return PlanViolation(
                .requirementsDecideStarts,
                change.service,
                "\(change.action.rawValue), with these conditions unmet: \(text)"
            )
        }
    }

    func everyChangeIsRequested() -> [PlanViolation] {
        var isValid: [QualifiedName: Bool] = [:]
        return services.compactMap { change in
            let expected = expectedChange(change.service)
            let isRequested: Bool
            switch change.action {
            case .keep, .blocked: isRequested = true
            case .update: isRequested = expected == .update
            case .reload: isRequested = expected == .reload
            case .start: isRequested = expected == .start
            case .restart: isRequested = expected == .restart
            case .stop: isRequested = expected == .stop || expected == .restart
            }
            let isCascade = willStop(change.service) && isValidCascade(change, &isValid)
            if change.cause != nil && !isCascade {
                return PlanViolation(.everyChangeIsRequested, change.service, "is not a dependent of its cause")
            }
            guard !isRequested && !isCascade else { return nil }
            return PlanViolation(.everyChangeIsRequested, change.service, "\(change.action.rawValue) without a request")
        }
    }

    /// Whether the chain of causes leads over services that stop and require each other to a direct change.
    private func isValidCascade(_ change: Change, _ isValid: inout [QualifiedName: Bool]) -> Bool {
        guard change.cause != nil, isStarted(change.service) else { return false }
        var path: [QualifiedName] = []
        var current = change
        var isChainValid = false
        while true {
            if let known = isValid[current.service] {
                isChainValid = known
                break
            }
            // False until the whole chain is followed, so that a cycle of causes counts as invalid.
            isValid[current.service] = false
            path.append(current.service)
            guard let cause = current.cause else {
                isChainValid = willStop(current.service)
                break
            }
            guard willStop(cause), requires(current.service, cause), let next = changes[cause] else { break }
            current = next
        }
        for name in path { isValid[name] = isChainValid }
        return isChainValid
    }

    func everyRequestIsHandled() -> [PlanViolation] {
        services.compactMap { change in
            let isDone: Bool
            switch expectedChange(change.service) {
            case .nothing: isDone = change.action != .blocked
            case .update: isDone = change.action == .update || willStop(change.service)
            case .reload: isDone = change.action == .reload || willStop(change.service)
            case .start: isDone = change.action == .start || change.action == .blocked || willStop(change.service)
            case .stop: isDone = change.action == .stop
            case .restart: isDone = willStop(change.service) || change.action == .blocked
            }
            guard !isDone else { return nil }
            return PlanViolation(.everyRequestIsHandled, change.service, "only \(change.action.rawValue)")
        }
    }

    func unwantedServicesNeverStart() -> [PlanViolation] {
        services.compactMap { change in
            guard willStart(change.service), expectedState(change.service) != .up else { return nil }
            return PlanViolation(.unwantedServicesNeverStart, change.service, change.action.rawValue)
        }
    }

    func passiveChangesAreInNoWave() -> [PlanViolation] {
        let touched = Set(plan.stopWaves.joined()).union(plan.startWaves.joined())
        return services.compactMap { change in
            switch change.action {
            case .start, .stop, .restart: return nil
            case .keep, .update, .reload, .blocked: break
            }
            let isQuiet = change.stopWave == nil && change.startWave == nil && !touched.contains(change.service)
            return isQuiet ? nil : PlanViolation(.passiveChangesAreInNoWave, change.service, "is in a wave")
        }
    }

    func fieldsAreAccurate() -> [PlanViolation] {
        services.compactMap { change in
            let needsFields = change.action == .update || change.action == .reload || change.action == .restart
            guard !change.fields.isEmpty || needsFields else { return nil }
            if change.fields.isEmpty && differences(change.service).isEmpty && change.action == .restart { return nil }
            let differing = differences(change.service)
            let isTrue = change.fields.allSatisfy { field in
                guard let found = differing[ByteText(field.path)] else { return false }
                return field.before.map { ByteText($0) } == found.before.map { ByteText($0) }
                    && field.after.map { ByteText($0) } == found.after.map { ByteText($0) } && field.cost == found.cost
            }
            let isWhole = !needsFields || change.fields.count == differing.count
            guard !isTrue || !isWhole else { return nil }
            return PlanViolation(.fieldsAreAccurate, change.service, "its fields are not what differs")
        }
    }
}

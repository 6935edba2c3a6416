import HeroModel

extension PlanVerifier {
    func everyChangeHasAReason() -> [PlanViolation] {
        plan.changes.compactMap { change in
            func broken(_ text: String) -> PlanViolation {
                PlanViolation(.everyChangeHasAReason, change.service, text)
            }
            if change.reason.text.isEmpty { return broken("no words") }
            if Self.validReasonCodes[change.action]?.contains(change.reason.code) != true {
                return broken("\(change.action.rawValue) because of \(change.reason.code.rawValue)")
            }
            if (change.reason.code == .cascade) != (change.cause != nil) {
                return broken("cascade and cause go together")
            }
            if change.action == .blocked && change.blockedBy.isEmpty { return broken("blocked by nothing") }
            if change.action == .update && change.fields.isEmpty { return broken("an update of no field") }
            return nil
        }
    }

    /// The reasons each action can have.
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
        case .blocked: [.requirementDown, .conflict]
        }
    }

    func everyServiceAppearsOnce() -> [PlanViolation] {
        let law = PlanInvariant.everyServiceAppearsOnce
        var broken: [PlanViolation] = []
        for (left, right) in zip(services, services.dropFirst()) where !(left.service < right.service) {
            broken.append(PlanViolation(law, right.service, "comes after \(left.service)"))
        }
        for change in services where desired.services[change.service] == nil && !isStarted(change.service) {
            broken.append(PlanViolation(law, change.service, "is neither declared nor live"))
        }
        let isDue: (QualifiedName) -> Bool = { desired.services[$0] != nil || isStarted($0) }
        let due =
            options.only.isEmpty
            ? Array(desired.services.keys) + observed.services.keys.filter { isStarted($0) }
            : options.only.filter(isDue)
        for name in Set(due).subtracting(changes.keys).sorted() {
            broken.append(PlanViolation(law, name, "is missing"))
        }
        return broken
    }

    func wavesMatchChanges() -> [PlanViolation] {
        checkWaves(plan.stopWaves, "stop", holds: willStop) { $0.stopWave }
            + checkWaves(plan.startWaves, "start", holds: willStart) { $0.startWave }
    }

    private func checkWaves(
        _ waves: [[QualifiedName]],
        _ kind: String,
        holds: (QualifiedName) -> Bool,
        place: (Change) -> Int?
    ) -> [PlanViolation] {
        let law = PlanInvariant.wavesMatchChanges
        var broken: [PlanViolation] = []
        var found: [QualifiedName: Int] = [:]
        for (number, wave) in waves.enumerated() {
            if wave.isEmpty { broken.append(PlanViolation(law, nil, "\(kind) wave \(number) is empty")) }
            if wave != wave.sorted() { broken.append(PlanViolation(law, nil, "\(kind) wave \(number) is not sorted")) }
            for name in wave {
                if found.updateValue(number, forKey: name) != nil {
                    broken.append(PlanViolation(law, name, "is in two \(kind) waves"))
                }
                if changes[name] == nil {
                    broken.append(PlanViolation(law, name, "is in a \(kind) wave without a change"))
                }
            }
        }
        for change in services {
            let number = found[change.service]
            if (number != nil) != holds(change.service) {
                broken.append(
                    PlanViolation(
                        law,
                        change.service,
                        "\(change.action.rawValue), \(kind) wave \(Self.waveText(number))"
                    )
                )
            } else if number != place(change) {
                broken.append(PlanViolation(law, change.service, "says \(kind) wave \(Self.waveText(place(change)))"))
            }
        }
        return broken
    }

    private static func waveText(_ number: Int?) -> String { number.map(String.init) ?? "none" }

    func dependentsStopFirst() -> [PlanViolation] {
        let law = PlanInvariant.dependentsStopFirst
        var broken: [PlanViolation] = []
        for change in services {
            let name = change.service
            guard isStarted(name), expectedState(name) != .ignored, let record = observed.services[name] else {
                continue
            }
            let declared = declaredRequires(name)
            for requirement in record.requires + declared where willStop(requirement) && !willStop(name) {
                broken.append(PlanViolation(law, name, "stays up while \(requirement) goes down"))
            }
            guard willStop(name) else { continue }
            for requirement in record.requires where isTooLate(name, requirement, orders: { $0.requires }) {
                broken.append(PlanViolation(law, name, "does not stop before \(requirement)"))
            }
            for other in record.after where isTooLate(name, other, orders: { $0.requires + $0.after }) {
                broken.append(PlanViolation(law, name, "does not stop before \(other), which it came after"))
            }
        }
        return broken
    }

    /// Whether a dependent stops no earlier than what it depends on, without the excuse of a recorded circle.
    private func isTooLate(
        _ dependent: QualifiedName,
        _ dependency: QualifiedName,
        orders: (ObservedService) -> [QualifiedName]
    ) -> Bool {
        guard willStop(dependency), let first = changes[dependent]?.stopWave, let then = changes[dependency]?.stopWave
        else { return false }
        return first >= then
            && !isReachable(dependency, dependent) { name in
                observed.services[name].map(orders)?.filter(willStop) ?? []
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
                return PlanViolation(
                    .dependenciesStartFirst,
                    change.service,
                    "starts in wave \(wave), \(name) in wave \(other)"
                )
            }
        }
    }

    func requirementsDecideStarts() -> [PlanViolation] {
        services.compactMap { change in
            let obstacles: Set<QualifiedName>
            let isFine: Bool
            switch change.action {
            case .keep, .update: return nil
            case .start, .restart:
                obstacles = Set(missingRequirements(change.service))
                isFine = obstacles.isEmpty
            case .blocked, .stop:
                obstacles = Set(missingRequirements(change.service) + activeConflicts(change.service))
                let isOwed = change.action == .blocked || expectedState(change.service) == .up
                isFine = !isOwed || !obstacles.isEmpty && change.blockedBy == obstacles.sorted()
            }
            guard !isFine else { return nil }
            let text =
                obstacles.isEmpty ? "nothing" : obstacles.sorted().map(\.description).joined(separator: ", ")
            return PlanViolation(
                .requirementsDecideStarts,
                change.service,
                "\(change.action.rawValue), and it misses \(text)"
            )
        }
    }

    func everyChangeIsRequested() -> [PlanViolation] {
        var grounded: [QualifiedName: Bool] = [:]
        return services.compactMap { change in
            let asked = expectedChange(change.service)
            let isAskedFor: Bool
            switch change.action {
            case .keep, .blocked: isAskedFor = true
            case .update: isAskedFor = asked == .update
            case .start: isAskedFor = asked == .start
            case .restart: isAskedFor = asked == .restart
            case .stop: isAskedFor = asked == .stop || asked == .restart
            }
            let isDragged = willStop(change.service) && isValidCascade(change, &grounded)
            if change.cause != nil && !isDragged {
                return PlanViolation(.everyChangeIsRequested, change.service, "its cause does not drag it along")
            }
            guard !isAskedFor && !isDragged else { return nil }
            return PlanViolation(.everyChangeIsRequested, change.service, "\(change.action.rawValue) for no reason")
        }
    }

    /// Whether its chain of causes is one of services that go down and require each other, and ends at an own reason.
    private func isValidCascade(_ change: Change, _ grounded: inout [QualifiedName: Bool]) -> Bool {
        guard change.cause != nil, isStarted(change.service) else { return false }
        var path: [QualifiedName] = []
        var current = change
        var isGrounded = false
        while true {
            if let known = grounded[current.service] {
                isGrounded = known
                break
            }
            // Until its chain is walked to the end it counts as not grounded: a circle of causes is none.
            grounded[current.service] = false
            path.append(current.service)
            guard let cause = current.cause else {
                isGrounded = willStop(current.service)
                break
            }
            guard willStop(cause), requires(current.service, cause), let next = changes[cause] else { break }
            current = next
        }
        for name in path { grounded[name] = isGrounded }
        return isGrounded
    }

    func everyRequestIsHandled() -> [PlanViolation] {
        services.compactMap { change in
            let isDone: Bool
            switch expectedChange(change.service) {
            case .nothing: isDone = change.action != .blocked
            case .update: isDone = change.action == .update || willStop(change.service)
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
            case .keep, .update, .blocked: break
            }
            let isQuiet = change.stopWave == nil && change.startWave == nil && !touched.contains(change.service)
            return isQuiet ? nil : PlanViolation(.passiveChangesAreInNoWave, change.service, "is in a wave")
        }
    }

    func fieldsAreAccurate() -> [PlanViolation] {
        services.compactMap { change in
            guard !change.fields.isEmpty || change.action == .update || change.action == .restart else { return nil }
            if change.fields.isEmpty && differences(change.service).isEmpty && change.action == .restart { return nil }
            let differing = differences(change.service)
            let isTrue = change.fields.allSatisfy { field in
                guard let found = differing[field.path] else { return false }
                return field.before == found.before && field.after == found.after && field.cost == found.cost
            }
            let isWhole =
                change.action != .update && change.action != .restart || change.fields.count == differing.count
            guard !isTrue || !isWhole else { return nil }
            return PlanViolation(.fieldsAreAccurate, change.service, "its fields are not what differs")
        }
    }
}

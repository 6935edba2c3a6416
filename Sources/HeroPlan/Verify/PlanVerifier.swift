import HeroModel

/// A plan and its input, with the lookups that the invariants need.
struct PlanVerifier {
    let plan: Plan
    let desired: DesiredState
    let observed: Observed
    let options: PlanOptions
    /// The changes of services by name; of several changes of one name the last.
    let changes: [QualifiedName: Change]
    /// The services whose records count in place of their manifests.
    let kept: Set<QualifiedName>
    /// The changes of standalone actions.
    let standalone: [Change]
    /// The changes of services.
    let services: [Change]
    /// The conflicts of each service, declared by either side.
    private(set) var conflicts: [QualifiedName: Set<QualifiedName>] = [:]
    /// The services that should be up and directly or indirectly require one that should be down.
    private(set) var unsatisfiable: Set<QualifiedName> = []
    /// The paths that differ between record and manifest; only services with differences have an entry.
    private let differences: [QualifiedName: [ByteText: Difference]]
    /// Manifest, record and action of each service that is declared, recorded or changed.
    private let serviceFacts: [QualifiedName: ServiceFacts]

    /// A path whose values differ.
    struct Difference {
        var before: String?
        var after: String?
        var cost: CostOfChange
    }

    /// Manifest, record and action of one service.
    ///
    /// It is a class because specs are large and are read often.
    final class ServiceFacts {
        let spec: ServiceSpec?
        let record: ObservedService?
        let expectedState: ExpectedState
        let isStarted: Bool
        /// Whether a hold keeps it exactly as it is.
        let isUntouched: Bool
        /// The action of its change; of several changes the last.
        fileprivate(set) var action: PlanAction?

        fileprivate init(
            _ spec: ServiceSpec?,
            _ record: ObservedService?,
            _ options: PlanOptions,
            isUntouched: Bool = false
        ) {
            self.spec = spec
            self.record = record
            self.isUntouched = isUntouched
            expectedState = isUntouched ? .unmanaged : PlanVerifier.expectedState(spec, record, options)
            isStarted = record?.isStarted ?? false
        }
    }

    init(
        plan: Plan,
        desired: DesiredState,
        observed: Observed,
        options: PlanOptions,
        untouched: Set<QualifiedName> = []
    ) {
        self.plan = plan
        self.desired = desired
        self.observed = observed
        self.options = options
        standalone = plan.changes.filter(\.isStandalone)
        services = standalone.isEmpty ? plan.changes : plan.changes.filter { !$0.isStandalone }
        var changes = [QualifiedName: Change](minimumCapacity: services.count)
        for change in services { changes[change.service] = change }
        self.changes = changes
        kept = Set(plan.kept.map(\.name))
        var facts = [QualifiedName: ServiceFacts](minimumCapacity: desired.services.count)
        var differences: [QualifiedName: [ByteText: Difference]] = [:]
        for (name, declared) in desired.services {
            let record = observed.services[name]
            facts[name] = ServiceFacts(declared.spec, record, options, isUntouched: untouched.contains(name))
            guard let record, !kept.contains(name) else { continue }
            var found = Self.differences(record.canonical, declared.spec)
            Self.addContents(record, declared.spec, to: &found)
            if !found.isEmpty { differences[name] = found }
        }
        for (name, record) in observed.services where facts[name] == nil {
            facts[name] = ServiceFacts(nil, record, options, isUntouched: untouched.contains(name))
        }
        for change in services {
            let service = facts[change.service] ?? ServiceFacts(nil, nil, options)
            service.action = change.action
            facts[change.service] = service
        }
        self.serviceFacts = facts
        self.differences = differences
        findConflicts()
        findUnsatisfiable()
    }

    private mutating func findConflicts() {
        func add(_ name: QualifiedName, _ others: [QualifiedName]) {
            for other in others {
                conflicts[name, default: []].insert(other)
                conflicts[other, default: []].insert(name)
            }
        }
        for (name, declared) in desired.services { add(name, declared.spec.conflicts) }
        for (name, record) in observed.services where desired.services[name] == nil && record.isStarted {
            add(name, record.conflicts)
        }
    }

    private mutating func findUnsatisfiable() {
        var dependents: [QualifiedName: [QualifiedName]] = [:]
        var pending: [QualifiedName] = []
        for (name, declared) in desired.services {
            switch expectedState(name) {
            // A kept service that runs is not stopped because of a requirement.
            case .up where isStarted(name) && kept.contains(name): break
            case .up: for other in declared.spec.cascadingRequires { dependents[other, default: []].append(name) }
            case .down: if !isOutOfScope(name) || !isStarted(name) { pending.append(name) }
            case .ignored, .unmanaged: break
            }
        }
        for name in observed.services.keys where desired.services[name] == nil && isStarted(name) {
            if expectedState(name) == .down && !isOutOfScope(name) { pending.append(name) }
        }
        while let name = pending.popLast() {
            for dependent in dependents[name] ?? [] where !isOutOfScope(dependent) || !isStarted(dependent) {
                guard !hasEndedWithWhatIsRequired(name, by: dependent) else { continue }
                if unsatisfiable.insert(dependent).inserted { pending.append(dependent) }
            }
        }
    }

    /// Whether a service is down, and has reached all that a dependent requires of it with a cascade.
    private func hasEndedWithWhatIsRequired(_ name: QualifiedName, by dependent: QualifiedName) -> Bool {
        guard !isStarted(name) else { return false }
        let requirements = serviceFacts[dependent]?.spec?.requirements.filter { $0.service == name && $0.cascades }
        return (requirements ?? []).allSatisfy(hasReached)
    }

    /// Whether the service is outside the scope of a narrowed plan.
    func isOutOfScope(_ name: QualifiedName) -> Bool { !options.only.isEmpty && changes[name] == nil }

    /// The state that manifests and options request for a service.
    enum ExpectedState {
        case up
        case down
        case ignored
        case unmanaged
    }

    func expectedState(_ name: QualifiedName) -> ExpectedState {
        serviceFacts[name]?.expectedState ?? Self.expectedState(nil, nil, options)
    }

    private static func expectedState(_ spec: ServiceSpec?, _ record: ObservedService?, _ options: PlanOptions)
        -> ExpectedState
    {
        if let spec {
            if spec.status == .ignore { return .ignored }
            if options.down == .allServices { return .down }
            if options.down == .userServices && spec.serviceClass == .user { return .down }
            return spec.status == .start ? .up : .down
        }
        let isUser = record?.serviceClass != .system
        let isDownRequested = options.down == .allServices || options.down == .userServices && isUser
        return options.prunes || isDownRequested ? .down : .unmanaged
    }

    func isStarted(_ name: QualifiedName) -> Bool { serviceFacts[name]?.isStarted ?? false }

    /// The declared requirements of a service.
    func declaredRequires(_ name: QualifiedName) -> [QualifiedName] { serviceFacts[name]?.spec?.requires ?? [] }

    func willStop(_ name: QualifiedName) -> Bool {
        switch serviceFacts[name]?.action {
        case .stop, .restart: true
        case .keep, .start, .update, .reload, .blocked, nil: false
        }
    }

    func willStart(_ name: QualifiedName) -> Bool {
        switch serviceFacts[name]?.action {
        case .start, .restart: true
        case .keep, .stop, .update, .reload, .blocked, nil: false
        }
    }

    /// Whether the service will be up, or is coming up, after the plan was applied.
    func willBeUp(_ name: QualifiedName) -> Bool {
        let service = serviceFacts[name]
        let action = service?.action ?? (isOutOfScope(name) ? .keep : .stop)
        switch action {
        case .start, .restart: return true
        case .stop: return false
        case .keep, .update, .reload, .blocked:
            guard let service, service.isStarted, let state = service.record?.state else { return false }
            let comesUp = service.expectedState == .up || service.isUntouched
            return state.isUp || comesUp && (state == .starting || state == .backingOff)
        }
    }

    /// The declared requirements that will not have reached what is required after the plan.
    func missingRequirements(_ name: QualifiedName) -> [QualifiedName] {
        (serviceFacts[name]?.spec?.requirements ?? []).filter { !isMet($0) }.map(\.service)
    }

    private func isMet(_ requirement: Requirement) -> Bool {
        willBeUp(requirement.service) || hasReached(requirement)
    }

    private func hasReached(_ requirement: Requirement) -> Bool {
        guard let service = serviceFacts[requirement.service], let record = service.record else { return false }
        // What a service has reached counts while it should not be down, and until the plan stops it.
        guard options.only.isEmpty, service.spec != nil || service.isStarted, service.expectedState != .down,
            !willStop(requirement.service)
        else { return false }
        return switch requirement.until {
        case .up: false
        case .started: record.milestones.hasStarted || record.state.isUp
        case .ended: record.milestones.hasEnded || record.state.isUp
        }
    }

    /// The conflicting services that will be up after the plan.
    func activeConflicts(_ name: QualifiedName) -> [QualifiedName] {
        (conflicts[name] ?? []).filter { isStarted($0) && !willStop($0) || willStart($0) }
    }

    /// Whether one service requires the other, as recorded at its start or as declared.
    func requires(_ dependent: QualifiedName, _ requirement: QualifiedName) -> Bool {
        guard let service = serviceFacts[dependent] else { return false }
        return service.isStarted && service.record?.requires.contains(requirement) == true
            || service.spec?.cascadingRequires.contains(requirement) == true
    }

    /// Whether a start would need an action with `once` of which it is unknown whether it has run.
    func hasUnknownOnce(_ name: QualifiedName) -> Bool {
        guard !options.goesBack, let spec = desired.services[name]?.spec else { return false }
        return spec.actions.contains { $0.runsOnce && observed.once.state(of: $0, in: spec) == .unknown }
    }

    /// The paths that differ between record and manifest.
    func differences(_ name: QualifiedName) -> [ByteText: Difference] { differences[name] ?? [:] }

    private static func differences(_ recorded: CanonicalSpec, _ spec: ServiceSpec) -> [ByteText: Difference] {
        let wanted = CanonicalSpec(spec)
        if wanted.text.utf8.elementsEqual(recorded.text.utf8) { return [:] }
        let (before, after) = CanonicalSpec.comparableValues(recorded, wanted)
        var result: [ByteText: Difference] = [:]
        for key in Set(before.keys).union(after.keys) where before[key] != after[key] {
            let (path, old, new) = (key.text, before[key]?.text, after[key]?.text)
            result[key] = Difference(before: old, after: new, cost: CanonicalSpec.cost(of: path))
            if result[key]?.cost == .reload, !hasReload(path, spec) { result[key]?.cost = .restart }
            // Lowering a generation requests nothing (contract section 3: it is raised to request a restart).
            let isGeneration = path == "generation" || path.hasPrefix("actions.") && path.hasSuffix(".generation")
            if isGeneration, let old = Int(old ?? "0"), let new = Int(new ?? "0"), new < old {
                result[key]?.cost = .inPlace
            }
        }
        return result
    }

    /// The change that manifests, options and state request.
    enum ExpectedChange {
        case nothing
        case update
        case reload
        case start
        case stop
        case restart
    }

    /// The change that a service needs; one whose requirement should be down stops.
    func expectedChange(_ name: QualifiedName) -> ExpectedChange {
        let isStopped = expectedState(name) == .up && unsatisfiable.contains(name) && isStarted(name)
        return isStopped ? .stop : ownChange(name)
    }

    /// The change that its own manifest and state request.
    func ownChange(_ name: QualifiedName) -> ExpectedChange {
        switch expectedState(name) {
        case .ignored, .unmanaged: return .nothing
        case .down: return isStarted(name) ? .stop : .nothing
        case .up: break
        }
        guard let record = serviceFacts[name]?.record else { return .start }
        let differences = differences(name)
        let isReplaced = differences.values.contains { $0.cost == .restart }
        let isDegradedOrFailed = record.state == .failed || record.state == .degraded || record.unhealthy != nil
        if !record.isStarted {
            return record.state == .failed && !options.retriesFailed && !isReplaced ? .nothing : .start
        }
        if isReplaced || record.unhealthy != nil && options.retriesFailed { return .restart }
        // Without `replace_existing_jobs`, running jobs stay and missing ones are started (contract section 3).
        let incompleteChange: ExpectedChange =
            desired.services[name]?.spec.replacesExistingJobs == false ? .start : .restart
        if isDegradedOrFailed && options.retriesFailed { return incompleteChange }
        switch record.state {
        case .stopping: return .restart
        case .stopped, .blocked: return incompleteChange
        case .starting, .running, .degraded, .backingOff, .exited, .failed:
            // What has ended while no reconciler was running is started again.
            if record.notRunning != nil { return .start }
            guard differences.values.contains(where: { $0.cost == .reload }) else {
                return differences.isEmpty ? .nothing : .update
            }
            return isFailedReload(record, differences) ? .nothing : .reload
        }
    }
}

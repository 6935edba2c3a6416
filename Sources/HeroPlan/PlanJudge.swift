import HeroModel

/// A plan before the judge, with what it was made from: the questions the laws ask.
struct PlanJudge {
    let plan: Plan
    let desired: Desired
    let observed: Observed
    let options: PlanOptions
    /// The changes by service; of several the last.
    let changes: [QualifiedName: Change]
    /// The changes of standalone actions.
    let standalone: [Change]
    /// The changes of services.
    let services: [Change]
    /// Who conflicts with whom, by either.
    private(set) var rivals: [QualifiedName: Set<QualifiedName>] = [:]
    /// What is wanted up and requires something that is wanted down, directly or not.
    private(set) var orphans: Set<QualifiedName> = []
    /// The paths that differ between record and manifest, each with its cost; only where some do.
    private let differences: [QualifiedName: [String: CostOfChange]]

    init(plan: Plan, desired: Desired, observed: Observed, options: PlanOptions) {
        self.plan = plan
        self.desired = desired
        self.observed = observed
        self.options = options
        standalone = plan.changes.filter(\.isStandalone)
        services = standalone.isEmpty ? plan.changes : plan.changes.filter { !$0.isStandalone }
        var changes = [QualifiedName: Change](minimumCapacity: services.count)
        for change in services { changes[change.service] = change }
        self.changes = changes
        var differences: [QualifiedName: [String: CostOfChange]] = [:]
        for (name, declared) in desired.services {
            guard let record = observed.services[name] else { continue }
            let found = Self.differences(record.canonical, CanonicalSpec(declared.spec))
            if !found.isEmpty { differences[name] = found }
        }
        self.differences = differences
        findRivals()
        findOrphans()
    }

    private mutating func findRivals() {
        func add(_ name: QualifiedName, _ others: [QualifiedName]) {
            for other in others {
                rivals[name, default: []].insert(other)
                rivals[other, default: []].insert(name)
            }
        }
        for (name, declared) in desired.services { add(name, declared.spec.conflicts) }
        for (name, record) in observed.services where desired.services[name] == nil && record.isLive {
            add(name, record.conflicts)
        }
    }

    private mutating func findOrphans() {
        var dependents: [QualifiedName: [QualifiedName]] = [:]
        var pending: [QualifiedName] = []
        for (name, declared) in desired.services {
            switch verdict(name) {
            case .up: for other in declared.spec.requires { dependents[other, default: []].append(name) }
            case .down: if !isOutside(name) || !isLive(name) { pending.append(name) }
            case .handsOff, .unknown: break
            }
        }
        for name in observed.services.keys where desired.services[name] == nil && isLive(name) {
            if verdict(name) == .down && !isOutside(name) { pending.append(name) }
        }
        while let name = pending.popLast() {
            for dependent in dependents[name] ?? [] where !isOutside(dependent) || !isLive(dependent) {
                if orphans.insert(dependent).inserted { pending.append(dependent) }
            }
        }
    }

    /// Whether a narrowed plan is not about it.
    func isOutside(_ name: QualifiedName) -> Bool { !options.only.isEmpty && changes[name] == nil }

    /// What the manifests and options say of a service.
    enum Verdict {
        case up
        case down
        case handsOff
        case unknown
    }

    func verdict(_ name: QualifiedName) -> Verdict {
        if let spec = desired.services[name]?.spec {
            if spec.status == .ignore { return .handsOff }
            if options.down == .allServices { return .down }
            if options.down == .userServices && spec.serviceClass == .user { return .down }
            return spec.status == .start ? .up : .down
        }
        let isUser = observed.services[name]?.serviceClass != .system
        let isTaken = options.down == .allServices || options.down == .userServices && isUser
        return options.prunes || isTaken ? .down : .unknown
    }

    func isLive(_ name: QualifiedName) -> Bool { observed.services[name]?.isLive ?? false }

    func goesDown(_ name: QualifiedName) -> Bool {
        switch changes[name]?.action {
        case .stop, .restart: true
        case .keep, .start, .update, .blocked, nil: false
        }
    }

    func comesUp(_ name: QualifiedName) -> Bool {
        switch changes[name]?.action {
        case .start, .restart: true
        case .keep, .stop, .update, .blocked, nil: false
        }
    }

    /// Whether it will be up, or get there, once the plan is carried out.
    func isUpAfterwards(_ name: QualifiedName) -> Bool {
        let action = changes[name]?.action ?? (isOutside(name) ? .keep : .stop)
        switch action {
        case .start, .restart: return true
        case .stop: return false
        case .keep, .update, .blocked:
            guard isLive(name), let state = observed.services[name]?.state else { return false }
            return state.isUp || verdict(name) == .up && (state == .starting || state == .backingOff)
        }
    }

    /// The declared requirements that will not be up.
    func missing(_ name: QualifiedName) -> [QualifiedName] {
        desired.services[name]?.spec.requires.filter { !isUpAfterwards($0) } ?? []
    }

    /// What it conflicts with and what stands, or comes up, once the plan is carried out.
    func inTheWay(_ name: QualifiedName) -> [QualifiedName] {
        (rivals[name] ?? []).filter { isLive($0) && !goesDown($0) || comesUp($0) }
    }

    /// Whether one requires another, as it was started (and lives) or as it is declared.
    func requires(_ dependent: QualifiedName, _ requirement: QualifiedName) -> Bool {
        isLive(dependent) && observed.services[dependent]?.requires.contains(requirement) == true
            || desired.services[dependent]?.spec.requires.contains(requirement) == true
    }

    /// The paths that differ between record and manifest, each with its cost.
    func differences(_ name: QualifiedName) -> [String: CostOfChange] { differences[name] ?? [:] }

    private static func differences(_ recorded: CanonicalSpec, _ wanted: CanonicalSpec) -> [String: CostOfChange] {
        if wanted.text.utf8.elementsEqual(recorded.text.utf8) { return [:] }
        let (before, after) = (recorded.values, wanted.values)
        var result: [String: CostOfChange] = [:]
        for path in Set(before.keys).union(after.keys) {
            let (old, new) = (before[path], after[path])
            if let old, let new, old.utf8.elementsEqual(new.utf8) { continue }
            result[path] = CanonicalSpec.cost(of: path)
            // Lowering a generation asks for nothing (contract section 3: it is raised to ask for a restart).
            let isGeneration = path == "generation" || path.hasPrefix("actions.") && path.hasSuffix(".generation")
            if isGeneration, let old = Int(old ?? "0"), let new = Int(new ?? "0"), new < old { result[path] = .inPlace }
        }
        return result
    }

    /// What a service's own manifest and state ask for.
    enum Asked {
        case nothing
        case update
        case start
        case stop
        case restart
    }

    func asked(_ name: QualifiedName) -> Asked {
        switch verdict(name) {
        case .handsOff, .unknown: return .nothing
        case .down: return isLive(name) ? .stop : .nothing
        case .up: break
        }
        if orphans.contains(name) && isLive(name) { return .stop }
        guard let record = observed.services[name] else { return .start }
        let differences = differences(name)
        let isReplaced = differences.values.contains(.restart)
        let hasGivenUp = record.state == .failed || record.state == .degraded || record.unhealthy != nil
        if !record.isLive {
            return record.state == .failed && !options.retriesFailed && !isReplaced ? .nothing : .start
        }
        if isReplaced || record.unhealthy != nil && options.retriesFailed { return .restart }
        // What is up of one that does not replace its jobs stays, and is joined by what is missing (contract section 3).
        let anew: Asked = desired.services[name]?.spec.replacesExistingJobs == false ? .start : .restart
        if hasGivenUp && options.retriesFailed { return anew }
        switch record.state {
        case .stopping: return .restart
        case .stopped, .blocked: return anew
        case .starting, .running, .degraded, .backingOff, .exited, .failed:
            return differences.isEmpty ? .nothing : .update
        }
    }
}

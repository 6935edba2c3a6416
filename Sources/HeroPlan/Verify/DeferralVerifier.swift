import HeroModel

/// Checks the deferrals of a plan against the manifests and the records.
struct DeferralVerifier {
    private let plan: Plan
    private let desired: DesiredState
    private let observed: Observed
    private let options: PlanOptions
    /// The manifests that count while the deferred changes wait.
    let effective: DesiredState
    /// The services that the plan leaves exactly as they are.
    let untouched: Set<QualifiedName>

    init(plan: Plan, desired: DesiredState, observed: Observed, options: PlanOptions) {
        self.plan = plan
        self.desired = desired
        self.observed = observed
        self.options = options
        effective = plan.kept.isEmpty ? desired : desired.keeping(plan.kept.map(\.name), observed)
        untouched = Set(plan.kept.filter(\.isUntouched).map(\.name))
    }

    /// The plan as it is carried out now: a deferred change is none.
    var planNow: Plan {
        var result = plan
        for index in result.changes.indices where result.changes[index].deferred != nil {
            let change = result.changes[index]
            result.changes[index] = Change(
                change.service,
                .keep,
                Reason(.unchanged, "its change is deferred"),
                isStandalone: change.isStandalone,
                stopWave: change.stopWave,
                startWave: change.startWave
            )
        }
        return result
    }

    /// The holds in force.
    private var holds: [QualifiedName: Hold] {
        guard options.down == .none, let time = options.time else { return [:] }
        var result: [QualifiedName: Hold] = [:]
        for name in Set(desired.services.keys).union(observed.services.keys) {
            let hold = desired.services[name].map { $0.spec.hold } ?? observed.services[name]?.hold
            if let hold, time < hold.until { result[name] = hold }
        }
        return result
    }

    /// A held service counts as recorded, and stops only to be healed.
    func heldServicesStay() -> [PlanViolation] {
        let holds = holds
        guard !holds.isEmpty else { return [] }
        let kept = Set(plan.kept.map(\.name))
        var violations: [PlanViolation] = []
        func report(_ name: QualifiedName, _ text: String) {
            violations.append(PlanViolation(.heldServicesStay, name, text))
        }
        for name in holds.keys.sorted() {
            if !kept.contains(name) { report(name, "its manifest counts, although it is held") }
            guard let record = observed.services[name], let spec = effective.services[name]?.spec,
                record.spec != nil
            else { continue }
            var recorded = CanonicalSpec(spec).values
            var before = record.canonical.values
            for path in ["status"] {
                recorded[ByteText(path)] = nil
                before[ByteText(path)] = nil
            }
            if recorded != before { report(name, "it would be healed with another spec than the one it runs with") }
        }
        for change in plan.changes where !change.isStandalone && change.deferred == nil && holds[change.service] != nil
        {
            let hasRecord = observed.services[change.service] != nil
            if change.action.changesSomething, !hasRecord { report(change.service, "is changed for the first time") }
            if change.action == .update || change.action == .reload { report(change.service, "is updated") }
            let stops = change.action == .stop || change.action == .restart
            if stops, change.cause != nil { report(change.service, "stops because of another service") }
            if change.action == .stop, observed.services[change.service]?.wanted == .start {
                report(change.service, "stops, and it should be up")
            }
        }
        return violations
    }

    /// A service waits because it is held, or because its change touches one that waits already.
    func deferralsAreJustified() -> [PlanViolation] {
        let holds = holds
        let invariant = PlanInvariant.deferralsAreJustified
        // The manifests as they are, without what the plan keeps.
        var whole = plan
        whole.kept = []
        let requested = PlanVerifier(plan: whole, desired: desired, observed: observed, options: options)
        var violations: [PlanViolation] = []
        for change in plan.changes {
            guard let deferral = change.deferred else { continue }
            if !requested.requests(change) {
                violations.append(
                    PlanViolation(invariant, change.service, "\(change.action.rawValue) is not requested")
                )
            }
            let isJustified =
                if let holder = deferral.holder { isTouched(holder, by: change.service, holds) } else {
                    holds[change.service]?.until == deferral.until
                }
            if !isJustified { violations.append(PlanViolation(invariant, change.service, "waits without a reason")) }
        }
        for kept in plan.kept where holds[kept.name] == nil {
            guard !plan.changes.contains(where: { $0.service == kept.name && $0.deferred != nil }) else { continue }
            // A blocked service that would take a resource of a held one waits without being shown as deferred.
            let isTouching = plan.kept.contains { $0.name != kept.name && isTouched($0.name, by: kept.name, holds) }
            if !isTouching { violations.append(PlanViolation(invariant, kept.name, "is kept without a reason")) }
        }
        return violations
    }

    /// Whether a change of one service can touch another one that is kept: by a cascade or by a resource.
    private func isTouched(
        _ holder: QualifiedName,
        by name: QualifiedName,
        _ holds: [QualifiedName: Hold]
    ) -> Bool {
        guard plan.kept.contains(where: { $0.name == holder }) else { return false }
        let running = effective.services[holder]?.spec
        if let wanted = desired.services[name]?.spec, let running, wanted.sharedResource(with: running) != nil {
            return true
        }
        var seen: Set = [holder]
        var pending = [holder]
        while let next = pending.popLast() {
            let requirements =
                (observed.services[next]?.requires ?? []) + (desired.services[next]?.spec.cascadingRequires ?? [])
                + (effective.services[next]?.spec.cascadingRequires ?? [])
            for requirement in requirements {
                if requirement == name { return true }
                if seen.insert(requirement).inserted { pending.append(requirement) }
            }
        }
        return false
    }
}

extension PlanVerifier {
    /// Whether the manifest, the record or another change requests what a deferred change would do.
    fileprivate func requests(_ change: Change) -> Bool {
        let expected = expectedChange(change.service)
        return switch change.action {
        case .start: expected == .start
        case .update: expected == .update
        case .reload: expected == .reload
        case .restart: expected == .restart || change.cause != nil
        case .stop: expected == .stop || expected == .restart || change.cause != nil
        case .keep, .blocked: false
        }
    }
}

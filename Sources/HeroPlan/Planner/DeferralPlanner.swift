import HeroModel

/// Plans with holds: finds the changes that must wait, and plans everything else as if they were not requested.
///
/// A held service keeps what is recorded of it. A change that would stop it by cascade, or needs its port, socket or
/// conflict slot, waits with it. Each round adds a service, so the number of services limits the rounds.
struct DeferralPlanner {
    private let desired: DesiredState
    private let observed: Observed
    private let options: PlanOptions
    /// The services that are held now.
    private let holds: [QualifiedName: Hold]
    /// The services whose records count in place of their manifests.
    private var keeping = KeptServices()
    /// Why changes of other services wait.
    private var deferrals: [QualifiedName: Deferral] = [:]
    /// The changes that were found to wait, as they would have been made.
    private var prevented: [QualifiedName: Change] = [:]

    init(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        self.desired = desired
        self.observed = observed
        self.options = options
        holds = options.down == .none ? Self.activeHolds(desired, observed, options) : [:]
    }

    /// The holds in force: of the manifests, and the recorded ones of services without a manifest.
    private static func activeHolds(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions)
        -> [QualifiedName: Hold]
    {
        guard let time = options.time else { return [:] }
        var holds: [QualifiedName: Hold] = [:]
        for (name, declared) in desired.services {
            if let hold = declared.spec.hold, hold.isActive(at: time) { holds[name] = hold }
        }
        for (name, record) in observed.services where desired.services[name] == nil {
            if let hold = record.hold, hold.isActive(at: time) { holds[name] = hold }
        }
        return holds
    }

    /// Makes the plan.
    mutating func makePlan() -> Plan {
        let whole = Planner.planNow(desired, observed, options)
        guard !holds.isEmpty else { return whole }
        for name in holds.keys { keep(name) }
        let held = keeping
        deferChangesIntoConflicts(held)
        var effective = DesiredState()
        var plan = whole
        for _ in 0...(desired.services.count + observed.services.count) {
            let names = keeping.kept.union(keeping.untouched)
            effective = desired.keeping(names, observed)
            plan = Planner.planNow(effective, observed, options, keeping)
            guard deferChanges(of: plan, effective) else { break }
        }
        return merge(plan, whole)
    }

    /// Keeps a held service: as it runs if it should run, otherwise exactly as it is.
    private mutating func keep(_ name: QualifiedName) {
        let record = observed.services[name]
        let shouldRun = record?.wanted.map { $0 == .start || $0 == .ignore } ?? record?.isStarted ?? false
        if record?.spec != nil, shouldRun {
            keeping.kept.insert(name)
        } else {
            keeping.untouched.insert(name)
        }
    }

    /// Adds the changes of a plan that must wait.
    ///
    /// - Returns: whether there are any.
    private mutating func deferChanges(of plan: Plan, _ effective: DesiredState) -> Bool {
        let changes = Dictionary(
            plan.changes.filter { !$0.isStandalone }.map { ($0.service, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var hasFound = false
        for change in plan.changes where !change.isStandalone && keeping.contains(change.service) {
            guard change.action.includesStop, change.cause != nil || isStopOfRunning(change, effective) else {
                continue
            }
            let root = Self.root(of: change, changes)
            let verb = "its \(root.action.rawValue) would stop"
            // A service that is healed as it was recorded has no change that could wait.
            if !keeping.contains(root.service) { prevented[root.service] = root }
            hasFound = wait(root.service, with: change.service, because: verb) || hasFound
        }
        let running = keeping.kept.union(keeping.untouched).sorted().compactMap { name in
            observed.services[name]?.isStarted ?? false ? effective.services[name]?.spec : nil
        }
        guard !running.isEmpty else { return hasFound }
        for change in plan.changes where !change.isStandalone && change.action.includesStart {
            guard !keeping.contains(change.service), let spec = effective.services[change.service]?.spec else {
                continue
            }
            for other in running {
                guard let resource = spec.sharedResource(with: other) else { continue }
                prevented[change.service] = change
                hasFound = wait(change.service, with: other.name, because: "\(resource) is in use by") || hasFound
                break
            }
        }
        return hasFound
    }

    /// Whether a kept service that should run would stop and not start again.
    private func isStopOfRunning(_ change: Change, _ effective: DesiredState) -> Bool {
        change.action == .stop && effective.services[change.service]?.spec.status == .start
    }

    /// Services that should be up and conflict with one that is kept up wait, so that the plan is not refused for it.
    private mutating func deferChangesIntoConflicts(_ held: KeptServices) {
        let effective = desired.keeping(held.kept, observed)
        for (name, declared) in effective.services.sorted(by: { $0.key < $1.key }) {
            for other in declared.spec.conflicts {
                guard let second = effective.services[other], declared.spec.status == .start,
                    second.spec.status == .start, held.kept.contains(name) != held.kept.contains(other)
                else { continue }
                let (holder, waiting) = held.kept.contains(name) ? (name, other) : (other, name)
                guard !keeping.contains(waiting) else { continue }
                _ = wait(waiting, with: holder, because: "its conflict slot is in use by")
            }
        }
    }

    /// Lets a change wait with a held service.
    ///
    /// - Returns: false if the service is left as it is already.
    private mutating func wait(_ name: QualifiedName, with holder: QualifiedName, because text: String) -> Bool {
        guard keeping.untouched.insert(name).inserted else { return false }
        keeping.kept.remove(name)
        guard name != holder else { return true }
        let first = deferrals[holder]
        let until = holds[holder]?.until ?? first?.until ?? options.time ?? WallTime(microseconds: 0)
        let reason = holds[holder]?.reason ?? first?.reason ?? ""
        let state = holds[holder] == nil ? "waits too" : "is held"
        deferrals[name] = Deferral(
            .hold,
            until: until,
            reason: "\(text) \(holder), which \(state)" + (reason.isEmpty ? "" : " (\(reason))"),
            holder: holder
        )
        return true
    }

    private static func root(of change: Change, _ changes: [QualifiedName: Change]) -> Change {
        var current = change
        var seen: Set<QualifiedName> = [change.service]
        while let cause = current.cause, let next = changes[cause], seen.insert(cause).inserted { current = next }
        return current
    }

    // MARK: The result

    /// The plan with the deferred changes as they would be made.
    private func merge(_ plan: Plan, _ whole: Plan) -> Plan {
        var result = plan
        let requested = Dictionary(
            whole.changes.filter { !$0.isStandalone }.map { ($0.service, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for index in result.changes.indices {
            let change = result.changes[index]
            guard !change.isStandalone, keeping.contains(change.service) else { continue }
            result.changes[index] = merge(change, requested[change.service])
        }
        result.kept = keeping.kept.map { KeptService($0, isUntouched: false) }
        result.kept += keeping.untouched.map { KeptService($0, isUntouched: true) }
        result.kept.sort { $0.name < $1.name }
        result.addDeferralWarning()
        return result
    }

    private func merge(_ change: Change, _ requested: Change?) -> Change {
        var change = change
        // A service without a manifest has no location.
        if change.reason.location?.file.isEmpty ?? false { change.reason.location = nil }
        let name = change.service
        let deferral =
            deferrals[name] ?? holds[name].map { Deferral(.hold, until: $0.until, reason: $0.reason) }
        guard let deferral else { return change }
        // It would be healed, and cannot start yet.
        guard change.action != .blocked else { return change }
        guard !change.action.changesSomething else {
            guard requested?.fields.isEmpty == false, change.fields.isEmpty else { return change }
            change.reason.text += "; it keeps its present spec, because its change is \(deferral.text)"
            return change
        }
        let candidates = [requested, prevented[name]].compactMap(\.self)
        guard var deferred = candidates.first(where: \.action.changesSomething) else {
            return change
        }
        deferred.stopWave = nil
        deferred.startWave = nil
        deferred.blockedBy = []
        deferred.deferred = deferral
        return deferred
    }
}

extension Plan {
    /// Adds one warning about the changes that wait.
    fileprivate mutating func addDeferralWarning() {
        let waiting = deferredChanges
        guard let first = waiting.first, let deferral = first.deferred else { return }
        let others =
            switch waiting.count {
            case 1: ""
            case 2: "; 1 more change waits"
            default: "; \(waiting.count - 1) more changes wait"
            }
        diagnostics.append(
            Diagnostic(
                .warning,
                code: "deferred",
                "the \(first.action.rawValue) of \(first.service) is \(deferral.text)\(others)",
                help: "change or remove `hold` to make the change earlier",
                at: first.reason.location
            )
        )
    }
}

extension PlanAction {
    /// Whether carrying it out changes anything.
    public var changesSomething: Bool {
        switch self {
        case .start, .stop, .restart, .update, .reload: true
        case .keep, .blocked: false
        }
    }
}

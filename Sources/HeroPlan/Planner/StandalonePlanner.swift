import HeroModel

/// Plans standalone actions: those with a schedule, and those that an apply runs.
///
/// They are in no wave and cause no cascade.
struct StandalonePlanner {
    /// One change for each action that is declared or was applied, sorted by name.
    let changes: [Change]

    private let options: PlanOptions

    init(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        self.options = options
        var names = Set(observed.standalone.keys)
        for (name, declared) in desired.actions where declared.spec.isStandalone { names.insert(name) }
        let scope = Set(options.only)
        var changes: [Change] = []
        for name in names.sorted() where scope.isEmpty || scope.contains(name) {
            let (declared, found) = (desired.actions[name], observed.standalone[name])
            var change = Self.change(name, declared, found, options)
            change.isStandalone = true
            changes.append(change)
        }
        self.changes = changes
    }

    private static func change(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>?,
        _ found: ObservedStandalone?,
        _ options: PlanOptions
    ) -> Change {
        switch options.down {
        case .userServices, .allServices: return downChange(name, found)
        case .none: break
        }
        guard let declared, declared.spec.isStandalone else {
            return found.map { removedChange(name, declared, $0, options) }
                ?? Change(name, .keep, StandaloneReasons.noRecord)
        }
        guard let found else {
            return Change(name, .start, StandaloneReasons.neverApplied(declared.location))
        }
        return declaredChange(name, declared, found, options)
    }

    /// `down` cancels running jobs and pauses the schedule.
    private static func downChange(_ name: QualifiedName, _ found: ObservedStandalone?) -> Change {
        guard let found, found.isActive || found.isScheduled else {
            return Change(name, .keep, StandaloneReasons.alreadyPaused)
        }
        return Change(name, .stop, StandaloneReasons.stoppedByDown(pausesSchedule: found.isScheduled))
    }

    private static func removedChange(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>?,
        _ found: ObservedStandalone,
        _ options: PlanOptions
    ) -> Change {
        guard let declared else {
            let reason = StandaloneReasons.undeclared(isPruned: options.prunes)
            return Change(name, options.prunes ? .stop : .keep, reason)
        }
        let fields = FieldDiff.between(found.canonical, and: declared)
        return Change(name, .stop, StandaloneReasons.noLongerStandalone(declared.location), fields: fields)
    }

    private static func declaredChange(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>,
        _ found: ObservedStandalone,
        _ options: PlanOptions
    ) -> Change {
        let spec = declared.spec
        let fields = FieldDiff.between(found.canonical, and: declared)
        let needsRun = fields.first?.cost == .restart || fields.contains { $0.path == "run_on" }
        let isGenerationRaised = fields.contains { $0.path == "generation" && $0.cost == .restart }
        if spec.runOn == .apply && needsRun || spec.schedule != nil && isGenerationRaised {
            return Change(
                name,
                found.isActive ? .restart : .start,
                PlanBuilder.fieldReason(.specChanged, fields),
                fields: fields
            )
        }
        if options.rerunsFailed, found.isLeftFailed(spec) {
            return Change(name, .start, StandaloneReasons.lastRunFailed(declared.location), fields: fields)
        }
        if spec.schedule != nil, !found.isScheduled {
            let reason = StandaloneReasons.scheduleResumed(declared.location(of: "schedule"))
            return Change(name, .start, reason, fields: fields)
        }
        guard fields.isEmpty else {
            return Change(name, .update, PlanBuilder.fieldReason(.specChanged, fields), fields: fields)
        }
        return Change(
            name,
            .keep,
            StandaloneReasons.kept(isRunPending: found.requestedRun == .pending, declared.location)
        )
    }
}

extension Plan {
    /// Adds the changes of standalone actions in the order of names, each one after the service of the same name.
    mutating func addStandalone(_ standalone: [Change]) {
        guard !standalone.isEmpty else { return }
        changes += standalone
        changes.sort { left, right in
            left.service == right.service ? !left.isStandalone && right.isStandalone : left.service < right.service
        }
    }
}

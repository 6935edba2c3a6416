import HeroModel

/// What happens to actions outside of services: those with a schedule, and those that an apply runs.
///
/// They are in no wave and drag nobody along.
struct StandalonePlanner {
    /// One for each that is declared or was applied, sorted by name.
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
                ?? Change(name, .keep, Reason(.unchanged, "nothing of it is there"))
        }
        guard let found else {
            let text = "it is declared and was never applied\(PlanBuilder.locationSuffix(declared.location))"
            return Change(name, .start, Reason(.declared, text, at: declared.location))
        }
        return declaredChange(name, declared, found)
    }

    /// `down` cancels what runs and pauses the schedule.
    private static func downChange(_ name: QualifiedName, _ found: ObservedStandalone?) -> Change {
        guard let found, found.isActive || found.isScheduled else {
            return Change(name, .keep, Reason(.unchanged, "it is paused, as it is wanted"))
        }
        let text = found.isScheduled ? "`down` takes it along and pauses its schedule" : "`down` takes it along"
        return Change(name, .stop, Reason(.wantedStop, text))
    }

    private static func removedChange(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>?,
        _ found: ObservedStandalone,
        _ options: PlanOptions
    ) -> Change {
        guard let declared else {
            return options.prunes
                ? Change(name, .stop, Reason(.undeclared, "no manifest declares it any more"))
                : Change(name, .keep, Reason(.undeclared, "no manifest declares it any more, and pruning is off"))
        }
        let text = "it has neither `schedule` nor `run_on` any more\(PlanBuilder.locationSuffix(declared.location))"
        let fields = FieldDiff.between(found.canonical, and: declared)
        return Change(name, .stop, Reason(.wantedStop, text, at: declared.location), fields: fields)
    }

    private static func declaredChange(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>,
        _ found: ObservedStandalone
    ) -> Change {
        let spec = declared.spec
        let fields = FieldDiff.between(found.canonical, and: declared)
        let asksForRun = fields.first?.cost == .restart || fields.contains { $0.path == "run_on" }
        if spec.runOn == .apply, asksForRun {
            return Change(
                name,
                found.isActive ? .restart : .start,
                PlanBuilder.fieldReason(.specChanged, fields),
                fields: fields
            )
        }
        if spec.schedule != nil, !found.isScheduled {
            let text =
                "its schedule was paused, and is wanted again\(PlanBuilder.locationSuffix(declared.location(of: "schedule")))"
            let reason = Reason(.wantedStart, text, at: declared.location(of: "schedule"))
            return Change(name, .start, reason, fields: fields)
        }
        guard fields.isEmpty else {
            return Change(name, .update, PlanBuilder.fieldReason(.specChanged, fields), fields: fields)
        }
        let text = found.isRunPending ? "its run has not begun yet" : "it is as its manifest says"
        return Change(name, .keep, Reason(.unchanged, text, at: declared.location))
    }
}

extension Plan {
    /// Adds the changes of standalone actions in the order of the names, each after the service of its name.
    mutating func addStandalone(_ standalone: [Change]) {
        guard !standalone.isEmpty else { return }
        changes += standalone
        changes.sort { left, right in
            left.service == right.service ? !left.isStandalone && right.isStandalone : left.service < right.service
        }
    }
}

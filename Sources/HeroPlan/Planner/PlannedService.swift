import HeroModel

/// The state that manifests and options request for a service.
enum TargetState {
    /// Declared with status start and not stopped by `down`.
    case up
    /// Declared with status stop or spec.
    case downByStatus
    /// Stopped by `down`.
    case downByCommand
    /// Declared with status ignore.
    case ignored
    /// Not declared, and pruned.
    case pruned
    /// Not declared, and not pruned.
    case leftUndeclared
    /// Left as it is, because a hold or a window defers its change.
    case untouched
}

/// The change that a service needs for its own reasons, without regard to other services.
enum DirectChange {
    /// No change.
    case nothing
    /// Its record differs from its manifest in fields that take effect in place.
    case update
    /// It is up and must read changed files again.
    case reload
    /// It should be up and is down, or one of its actions is down and joins the others.
    case start
    /// It is up and should be down.
    case stop
    /// It is up and must start again.
    case restart
}

/// One service with its manifest, its record and the change it needs.
///
/// Immutable. It is a class because specs are large and are passed around often.
final class PlannedService {
    let name: QualifiedName
    let declared: Declared<ServiceSpec>?
    let observed: ObservedService?
    let target: TargetState
    let isStarted: Bool
    /// Whether one of its requirements need not be up, so that what it has reached counts too.
    let waitsForMilestones: Bool
    /// The fields that differ from the record, as far as they matter for the change.
    let fields: [FieldDiff]
    let directChange: DirectChange
    /// Its actions with `once` that would not run if it started.
    let onceActions: OnceActions

    init(
        _ name: QualifiedName,
        declared: Declared<ServiceSpec>?,
        observed: ObservedService?,
        once: OnceHistory = OnceHistory(),
        options: PlanOptions,
        keeping: KeptServices
    ) {
        self.name = name
        self.declared = declared
        self.observed = observed
        // The record of a kept service is its spec.
        let compared = keeping.contains(name) ? nil : declared
        target = keeping.untouched.contains(name) ? .untouched : Self.targetState(declared?.spec, observed, options)
        isStarted = observed?.isStarted ?? false
        onceActions = OnceActions(target.isUp ? declared?.spec : nil, once, options)
        waitsForMilestones = declared?.spec.requirements.contains { $0.until != .up } ?? false
        switch target {
        case .ignored, .leftUndeclared, .untouched:
            fields = []
            directChange = .nothing
        case .pruned, .downByCommand, .downByStatus:
            // Only the status matters for a stop; the other fields count at the next start.
            fields = isStarted ? Self.differences(compared, observed).filter { $0.path == "status" } : []
            directChange = isStarted ? .stop : .nothing
        case .up:
            fields = Self.differences(compared, observed, withContents: true)
            let joins = !(declared?.spec.replacesExistingJobs ?? true)
            directChange = Self.directChange(observed, isStarted: isStarted, joins: joins, fields, options)
        }
    }

    private static func differences(
        _ declared: Declared<ServiceSpec>?,
        _ observed: ObservedService?,
        withContents: Bool = false
    ) -> [FieldDiff] {
        guard let declared, let observed else { return [] }
        let fields = FieldDiff.between(observed.canonical, and: declared)
        // What is down reads its files at its next start anyway.
        guard withContents, !observed.contents.isEmpty, observed.isStarted || observed.state == .failed else {
            return fields
        }
        let contents = FieldDiff.contents(of: observed, and: declared)
        return contents.isEmpty ? fields : (fields + contents).sorted(by: FieldDiff.precedes)
    }

    private static func targetState(_ spec: ServiceSpec?, _ observed: ObservedService?, _ options: PlanOptions)
        -> TargetState
    {
        guard let spec else {
            if options.prunes { return .pruned }
            return options.down.includes(observed?.serviceClass ?? .user) ? .downByCommand : .leftUndeclared
        }
        switch spec.status {
        case .ignore: return .ignored
        case .stop, .spec: return .downByStatus
        case .start: return options.down.includes(spec.serviceClass) ? .downByCommand : .up
        }
    }

    /// The change of a service that should be up; with `joins`, running jobs stay and become part of the new run.
    private static func directChange(
        _ observed: ObservedService?,
        isStarted: Bool,
        joins: Bool,
        _ fields: [FieldDiff],
        _ options: PlanOptions
    ) -> DirectChange {
        guard let observed else { return .start }
        let needsRestart = fields.first?.cost == .restart
        guard isStarted else {
            let isLeftFailed = observed.state == .failed && !options.retriesFailed && !needsRestart
            return isLeftFailed ? .nothing : .start
        }
        if needsRestart || observed.unhealthy != nil && options.retriesFailed { return .restart }
        switch observed.state {
        case .running, .exited, .starting, .backingOff: break
        case .degraded, .failed: if options.retriesFailed { return joins ? .start : .restart }
        // Processes of an earlier run remain.
        case .stopped, .blocked: return joins ? .start : .restart
        // The stop must finish first.
        case .stopping: return .restart
        }
        // The next reconciler starts it again, whether or not the apply retries failed services.
        if observed.notRunning != nil { return .start }
        guard fields.first?.cost == .reload else { return fields.isEmpty ? .nothing : .update }
        // What has failed is tried again only by an apply, or when something else has changed.
        let isRepeated = observed.reloadFailure?.target == FieldDiff.reloadTarget(fields)
        return isRepeated && !options.retriesFailed ? .nothing : .reload
    }

    /// Whether it runs on with what it has read, because a reload has failed and is not tried again.
    var hasFailedReload: Bool { directChange == .nothing && fields.first?.cost == .reload }

    /// Whether a part of it starts again within its run; unlike another start this waits for no requirement.
    var isHealed: Bool { isStarted && directChange == .start && observed?.notRunning != nil }

    /// The dependencies that order its stop: those recorded at the start.
    var recordedRequires: [QualifiedName] { isStarted ? observed?.requires ?? [] : [] }

    /// The services it must never run together with: as declared, or as recorded if no manifest declares it.
    var conflicts: [QualifiedName] { declared?.spec.conflicts ?? (isStarted ? observed?.conflicts ?? [] : []) }

    /// The dependencies that order its start: those of its manifest.
    var declaredRequires: [QualifiedName] { declared?.spec.requires ?? [] }

    /// The same with what each must have reached.
    var requirements: [Requirement] { declared?.spec.requirements ?? [] }

    /// The services whose stop takes it with them, as declared.
    var declaredCascade: [QualifiedName] { declared?.spec.cascadingRequires ?? [] }

    /// Whether it has reached a milestone, although it may not be up, if the plan keeps it.
    func hasReached(_ milestone: Requirement.Milestone) -> Bool {
        guard let observed else { return false }
        return observed.milestones.includes(milestone, in: observed.state)
    }

    /// Whether it counts as up, or comes up without a change, if the plan keeps it.
    var isUpIfKept: Bool {
        guard isStarted, let observed else { return false }
        switch observed.state {
        case .running, .exited: return true
        // heroproc does not restart a service with status ignore.
        case .starting, .backingOff: return target.isUp || target == .untouched
        case .stopped, .blocked, .degraded, .stopping, .failed: return false
        }
    }
}

extension TargetState {
    /// Whether the service should be up.
    var isUp: Bool {
        switch self {
        case .up: true
        case .downByStatus, .downByCommand, .ignored, .pruned, .leftUndeclared, .untouched: false
        }
    }

    /// Whether the service should be down.
    var isDown: Bool {
        switch self {
        case .downByStatus, .downByCommand, .pruned: true
        case .up, .ignored, .leftUndeclared, .untouched: false
        }
    }

    /// Whether no plan touches the service, not even by cascade.
    var isIgnored: Bool {
        switch self {
        case .ignored: true
        case .up, .downByStatus, .downByCommand, .pruned, .leftUndeclared, .untouched: false
        }
    }
}

extension PlanOptions.Down {
    /// Whether `down` stops services of this class.
    func includes(_ serviceClass: ServiceClass) -> Bool {
        switch self {
        case .none: false
        case .userServices: serviceClass == .user
        case .allServices: true
        }
    }
}

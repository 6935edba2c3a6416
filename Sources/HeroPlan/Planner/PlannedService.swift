import HeroModel

/// What the manifests and the options want of a service.
enum TargetState {
    /// Declared, status start, and no `down` takes it.
    case up
    /// Declared with status stop or spec.
    case downByStatus
    /// `down` takes it.
    case downByCommand
    /// Declared with status ignore: hands off.
    case ignored
    /// Not declared any more, and pruned.
    case pruned
    /// Not declared any more, and not pruned.
    case leftUndeclared
}

/// What a service needs for its own sake, before anything around it is looked at.
enum DirectChange {
    /// Nothing.
    case nothing
    /// Its record is behind its manifest, in fields that take effect in place.
    case update
    /// It is down and wanted up, or a part of it is and joins the rest.
    case start
    /// It is up and wanted down.
    case stop
    /// It is up, and must come up anew.
    case restart
}

/// One service with all that is known of it.
///
/// It never changes; a class, since specs are wide and are handed around a lot in a planning.
final class PlannedService {
    let name: QualifiedName
    let declared: Declared<ServiceSpec>?
    let observed: ObservedService?
    let target: TargetState
    let isStarted: Bool
    /// What differs from the record; only looked for where it can matter.
    let fields: [FieldDiff]
    let directChange: DirectChange

    init(
        _ name: QualifiedName,
        declared: Declared<ServiceSpec>?,
        observed: ObservedService?,
        options: PlanOptions
    ) {
        self.name = name
        self.declared = declared
        self.observed = observed
        target = Self.targetState(declared?.spec, observed, options)
        isStarted = observed?.isStarted ?? false
        switch target {
        case .ignored, .leftUndeclared:
            fields = []
            directChange = .nothing
        case .pruned, .downByCommand, .downByStatus:
            // Of a service that goes down only the status matters; the rest counts when it comes up again.
            fields = isStarted ? Self.differences(declared, observed).filter { $0.path == "status" } : []
            directChange = isStarted ? .stop : .nothing
        case .up:
            fields = Self.differences(declared, observed)
            let joins = !(declared?.spec.replacesExistingJobs ?? true)
            directChange = Self.directChange(observed, isLive: isStarted, joins: joins, fields, options)
        }
    }

    private static func differences(_ declared: Declared<ServiceSpec>?, _ observed: ObservedService?) -> [FieldDiff] {
        guard let declared, let observed else { return [] }
        return FieldDiff.between(observed.canonical, and: declared)
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

    /// What a service that is wanted up needs; `joins`: what is still up of it stays, and belongs to the new run.
    private static func directChange(
        _ observed: ObservedService?,
        isLive: Bool,
        joins: Bool,
        _ fields: [FieldDiff],
        _ options: PlanOptions
    ) -> DirectChange {
        guard let observed else { return .start }
        let needsRestart = fields.first?.cost == .restart
        guard isLive else {
            let isLeftFailed = observed.state == .failed && !options.retriesFailed && !needsRestart
            return isLeftFailed ? .nothing : .start
        }
        if needsRestart || observed.unhealthy != nil && options.retriesFailed { return .restart }
        switch observed.state {
        case .running, .exited, .starting, .backingOff: break
        case .degraded, .failed: if options.retriesFailed { return joins ? .start : .restart }
        // Down with something left over.
        case .stopped, .blocked: return joins ? .start : .restart
        // The way down comes first.
        case .stopping: return .restart
        }
        return fields.isEmpty ? .nothing : .update
    }

    /// What orders its stop: the dependencies recorded when it was started.
    var recordedRequires: [QualifiedName] { isStarted ? observed?.requires ?? [] : [] }

    /// What it must never be up together with: as its manifest says, or as recorded of what no manifest speaks of.
    var conflicts: [QualifiedName] { declared?.spec.conflicts ?? (isStarted ? observed?.conflicts ?? [] : []) }

    /// What orders its start: the dependencies its manifest names.
    var declaredRequires: [QualifiedName] { declared?.spec.requires ?? [] }

    /// Whether it counts as up, or gets there by itself, when the plan leaves it as it is.
    var isUpIfKept: Bool {
        guard isStarted, let observed else { return false }
        switch observed.state {
        case .running, .exited: return true
        // Hands off means that nothing helps it up either.
        case .starting, .backingOff: return target.isUp
        case .stopped, .blocked, .degraded, .stopping, .failed: return false
        }
    }
}

extension TargetState {
    /// Whether it is to be kept up.
    var isUp: Bool {
        switch self {
        case .up: true
        case .downByStatus, .downByCommand, .ignored, .pruned, .leftUndeclared: false
        }
    }

    /// Whether it is to be kept down.
    var isDown: Bool {
        switch self {
        case .downByStatus, .downByCommand, .pruned: true
        case .up, .ignored, .leftUndeclared: false
        }
    }

    /// Whether it is never touched, not even by cascade.
    var isIgnored: Bool {
        switch self {
        case .ignored: true
        case .up, .downByStatus, .downByCommand, .pruned, .leftUndeclared: false
        }
    }
}

extension PlanOptions.Down {
    /// Whether it takes services of this class.
    func includes(_ serviceClass: ServiceClass) -> Bool {
        switch self {
        case .none: false
        case .userServices: serviceClass == .user
        case .allServices: true
        }
    }
}

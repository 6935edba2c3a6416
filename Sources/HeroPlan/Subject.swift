import HeroModel

/// What the manifests and the options want of a service.
enum Wish {
    /// Declared, status start, and no `down` takes it.
    case isUp
    /// Declared with status stop or spec.
    case isDownByStatus
    /// `down` takes it.
    case isDownByOrder
    /// Declared with status ignore: hands off.
    case isHandsOff
    /// Not declared any more, and pruned.
    case isGone
    /// Not declared any more, and not pruned.
    case isLeftAlone
}

/// What a service needs for its own sake, before anything around it is looked at.
enum Need {
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
final class Subject {
    let name: QualifiedName
    let declared: Declared<ServiceSpec>?
    let observed: ObservedService?
    let wish: Wish
    let isLive: Bool
    /// What differs from the record; only looked for where it can matter.
    let fields: [FieldDiff]
    let need: Need

    init(
        _ name: QualifiedName,
        declared: Declared<ServiceSpec>?,
        observed: ObservedService?,
        options: PlanOptions
    ) {
        self.name = name
        self.declared = declared
        self.observed = observed
        wish = Self.wish(declared?.spec, observed, options)
        isLive = observed?.isLive ?? false
        switch wish {
        case .isHandsOff, .isLeftAlone:
            fields = []
            need = .nothing
        case .isGone, .isDownByOrder, .isDownByStatus:
            // Of a service that goes down only the status matters; the rest counts when it comes up again.
            fields = isLive ? Self.differences(declared, observed).filter { $0.path == "status" } : []
            need = isLive ? .stop : .nothing
        case .isUp:
            fields = Self.differences(declared, observed)
            let joins = !(declared?.spec.replacesExistingJobs ?? true)
            need = Self.need(observed, isLive: isLive, joins: joins, fields, options)
        }
    }

    private static func differences(_ declared: Declared<ServiceSpec>?, _ observed: ObservedService?) -> [FieldDiff] {
        guard let declared, let observed else { return [] }
        return FieldDiff.between(observed.canonical, and: declared)
    }

    private static func wish(_ spec: ServiceSpec?, _ observed: ObservedService?, _ options: PlanOptions) -> Wish {
        guard let spec else {
            if options.prunes { return .isGone }
            return options.down.takes(observed?.serviceClass ?? .user) ? .isDownByOrder : .isLeftAlone
        }
        switch spec.status {
        case .ignore: return .isHandsOff
        case .stop, .spec: return .isDownByStatus
        case .start: return options.down.takes(spec.serviceClass) ? .isDownByOrder : .isUp
        }
    }

    /// What a service that is wanted up needs; `joins`: what is still up of it stays, and belongs to the new run.
    private static func need(
        _ observed: ObservedService?,
        isLive: Bool,
        joins: Bool,
        _ fields: [FieldDiff],
        _ options: PlanOptions
    ) -> Need {
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
    var recordedRequires: [QualifiedName] { isLive ? observed?.requires ?? [] : [] }

    /// What it must never be up together with: as its manifest says, or as recorded of what no manifest speaks of.
    var conflicts: [QualifiedName] { declared?.spec.conflicts ?? (isLive ? observed?.conflicts ?? [] : []) }

    /// What orders its start: the dependencies its manifest names.
    var declaredRequires: [QualifiedName] { declared?.spec.requires ?? [] }

    /// Whether it counts as up, or gets there by itself, when the plan leaves it as it is.
    var isUpAsItIs: Bool {
        guard isLive, let observed else { return false }
        switch observed.state {
        case .running, .exited: return true
        // Hands off means that nothing helps it up either.
        case .starting, .backingOff: return wish.isWanted
        case .stopped, .blocked, .degraded, .stopping, .failed: return false
        }
    }
}

extension Wish {
    /// Whether it is to be kept up.
    var isWanted: Bool {
        switch self {
        case .isUp: true
        case .isDownByStatus, .isDownByOrder, .isHandsOff, .isGone, .isLeftAlone: false
        }
    }

    /// Whether it is to be kept down.
    var isDown: Bool {
        switch self {
        case .isDownByStatus, .isDownByOrder, .isGone: true
        case .isUp, .isHandsOff, .isLeftAlone: false
        }
    }

    /// Whether it is never touched, not even by cascade.
    var isHandsOff: Bool {
        switch self {
        case .isHandsOff: true
        case .isUp, .isDownByStatus, .isDownByOrder, .isGone, .isLeftAlone: false
        }
    }
}

extension PlanOptions.Down {
    /// Whether it takes services of this class.
    func takes(_ serviceClass: ServiceClass) -> Bool {
        switch self {
        case .none: false
        case .userServices: serviceClass == .user
        case .allServices: true
        }
    }
}

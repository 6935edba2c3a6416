public import HeroModel

/// What must change, why, and in which waves.
///
/// A plan can be reviewed before anything is executed.
public struct Plan: Hashable, Sendable {
    /// The revision that the plan starts from; 0 before the first apply.
    public var baseRevision: RevisionNumber
    /// One change for every examined service and standalone action, kept ones included, sorted by name; of two equal
    /// names the service comes first.
    ///
    /// A narrowed plan contains only the changes in its scope.
    public var changes: [Change]
    /// Services that stop at the same time, wave by wave, dependents first.
    public var stopWaves: [[QualifiedName]]
    /// Services that start at the same time, wave by wave, dependencies first.
    public var startWaves: [[QualifiedName]]
    /// Processes that are stopped because they hold a resource that a start needs.
    public var reclaims: [Reclaim]
    /// Differences between the machine and the records.
    public var drift: [Drift]
    /// Warnings about the plan as a whole, and the errors for which it is refused.
    public var diagnostics: [Diagnostic]
    /// The names that the plan is narrowed to, sorted; empty for a whole plan.
    public var only: [QualifiedName]
    /// The services whose records count in place of their manifests, because a hold or a window defers their changes,
    /// by name.
    public var kept: [KeptService] = []

    /// Creates a plan.
    public init(
        baseRevision: RevisionNumber,
        changes: [Change] = [],
        stopWaves: [[QualifiedName]] = [],
        startWaves: [[QualifiedName]] = [],
        reclaims: [Reclaim] = [],
        drift: [Drift] = [],
        diagnostics: [Diagnostic] = [],
        only: [QualifiedName] = []
    ) {
        self.baseRevision = baseRevision
        self.changes = changes
        self.stopWaves = stopWaves
        self.startWaves = startWaves
        self.reclaims = reclaims
        self.drift = drift
        self.diagnostics = diagnostics
        self.only = only
    }

    /// Why the plan must not be applied; empty for nearly every plan.
    ///
    /// A plan is refused if it stops a protected service or too many services, if two conflicting services should both
    /// be up, if a name of `--only` is unknown, or if `--no-kill` forbids a necessary reclaim.
    public var refusals: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// Whether applying the plan changes nothing; a blocked service and a deferred change are no difference (contract
    /// section 5).
    public var isEmpty: Bool {
        changes.allSatisfy { change in
            switch change.actionNow {
            case .keep, .blocked: true
            case .start, .stop, .restart, .update, .reload: false
            }
        }
    }

    /// The number of changes with this action, without deferred ones.
    public func count(_ action: PlanAction) -> Int {
        changes.reduce(0) { $0 + ($1.action == action && $1.deferred == nil ? 1 : 0) }
    }

    /// The deferred changes.
    public var deferredChanges: [Change] { changes.filter { $0.deferred != nil } }
}

/// What happens to one service or standalone action.
public enum PlanAction: String, Hashable, Sendable, Codable, CaseIterable {
    /// It was examined, and nothing needs to change.
    case keep
    /// It should be up and is down.
    case start
    /// It must stop.
    case stop
    /// It stops and starts again.
    case restart
    /// Its record changes while it keeps running.
    case update
    /// It reads changed files while it keeps running.
    case reload
    /// It should be up and cannot start yet.
    case blocked

    /// The symbol in text output.
    public var symbol: String {
        switch self {
        case .keep: "·"
        case .start: "+"
        case .stop: "-"
        case .restart: "±"
        case .update, .reload: "~"
        case .blocked: "!"
        }
    }
}

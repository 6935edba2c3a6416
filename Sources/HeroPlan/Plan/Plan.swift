public import HeroModel

/// What must change, why, and in which waves: a document somebody can sign before anything runs.
public struct Plan: Hashable, Sendable {
    /// The revision it starts from; 0 when nothing was ever applied.
    public var baseRevision: RevisionNumber
    /// One for every service and standalone action that was looked at, sorted by name, the service first; `keep` too.
    ///
    /// A narrowed plan holds only those it is about.
    public var changes: [Change]
    /// Services that may stop side by side, wave by wave: most dependent first.
    public var stopWaves: [[QualifiedName]]
    /// Services that may start side by side, wave by wave.
    public var startWaves: [[QualifiedName]]
    /// Processes that are stopped to make room for what starts.
    public var reclaims: [Reclaim]
    /// Where the machine has left what was recorded.
    public var drift: [Drift]
    /// Warnings about the plan as a whole, and errors for which it is refused.
    public var diagnostics: [Diagnostic]
    /// What it was narrowed to, sorted; empty for a whole plan.
    public var only: [QualifiedName]

    /// Makes a plan.
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

    /// Why it must not be carried out; empty for nearly every plan.
    ///
    /// A protected service would go down, too many services would, two that conflict are both wanted up, or `--no-kill`
    /// forbids a reclaim that is needed.
    public var refusals: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// Whether carrying it out would do nothing; what is blocked is no difference (contract section 5).
    public var isEmpty: Bool {
        changes.allSatisfy { change in
            switch change.action {
            case .keep, .blocked: true
            case .start, .stop, .restart, .update: false
            }
        }
    }

    /// How many changes are of this action.
    public func count(_ action: PlanAction) -> Int {
        changes.reduce(0) { $0 + ($1.action == action ? 1 : 0) }
    }
}

/// What happens to one service.
public enum PlanAction: String, Hashable, Sendable, Codable, CaseIterable {
    /// Looked at, nothing to do.
    case keep
    /// It is wanted and down.
    case start
    /// It must go down.
    case stop
    /// Down, and up again.
    case restart
    /// Its record changes while it runs on.
    case update
    /// It is wanted, but cannot come up yet.
    case blocked

    /// The symbol users see.
    public var symbol: String {
        switch self {
        case .keep: "·"
        case .start: "+"
        case .stop: "-"
        case .restart: "±"
        case .update: "~"
        case .blocked: "!"
        }
    }
}

public import HeroModel

/// What happens to one service or standalone action, and why.
public struct Change: Hashable, Sendable {
    /// The service or the standalone action.
    public var service: QualifiedName
    /// Whether it is the change of a standalone action; such a change is in no wave.
    public var isStandalone: Bool
    /// What happens.
    public var action: PlanAction
    /// Why it happens.
    public var reason: Reason
    /// The service whose stop or restart causes this change; only for cascades.
    public var cause: QualifiedName?
    /// The fields that differ, most expensive first, then by path.
    public var fields: [FieldDiff]
    /// Its index in `stopWaves`.
    public var stopWave: Int?
    /// Its index in `startWaves`.
    public var startWave: Int?
    /// The services it waits for when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Why the change is not made now; nil if it is.
    ///
    /// A deferred change keeps its action and is in no wave.
    public var deferred: Deferral?

    /// Creates a change.
    public init(
        _ service: QualifiedName,
        _ action: PlanAction,
        _ reason: Reason,
        isStandalone: Bool = false,
        cause: QualifiedName? = nil,
        fields: [FieldDiff] = [],
        stopWave: Int? = nil,
        startWave: Int? = nil,
        blockedBy: [QualifiedName] = []
    ) {
        self.service = service
        self.isStandalone = isStandalone
        self.action = action
        self.reason = reason
        self.cause = cause
        self.fields = fields
        self.stopWave = stopWave
        self.startWave = startWave
        self.blockedBy = blockedBy
    }

    /// What happens now: nothing while the change is deferred.
    public var actionNow: PlanAction { deferred == nil ? action : .keep }

    /// The symbol in text output.
    public var symbol: String { deferred == nil ? action.symbol : Self.deferredSymbol }

    /// The symbol of a deferred change.
    public static let deferredSymbol = "="
}

/// Why a service changes.
///
/// A reason only explains; the action of the change decides what happens.
public struct Reason: Hashable, Sendable {
    /// The kinds of reasons (contract section 5, and those of keep and blocked).
    public enum Code: String, Hashable, Sendable, Codable, CaseIterable {
        /// It should be up and was never started.
        case declared
        /// Its status is start.
        case wantedStart = "wanted_start"
        /// Its status is stop or spec, or the user requested `down`.
        case wantedStop = "wanted_stop"
        /// No manifest declares it.
        case undeclared
        /// A field changed.
        case specChanged = "spec_changed"
        /// Its generation was raised.
        case generationRaised = "generation_raised"
        /// A service that it requires stops or restarts.
        case cascade
        /// A service that conflicts with it must stop first.
        case conflict
        /// It should be up and is down.
        case notRunning = "not_running"
        /// It is up and does not respond.
        case unhealthy
        /// It matches its manifest.
        case unchanged
        /// Its status is ignore.
        case ignored
        /// A service that it requires is not up.
        case requirementDown = "requirement_down"
        /// It is unknown whether an action with `once` has run.
        case onceUnknown = "once_unknown"
    }

    /// The kind.
    public var code: Code
    /// The text, with the location in the manifest if there is one.
    public var text: String
    /// The location in the manifest.
    public var location: ManifestLocation?

    /// Creates a reason.
    public init(_ code: Code, _ text: String, at location: ManifestLocation? = nil) {
        self.code = code
        self.text = text
        self.location = location
    }
}

/// One field whose recorded and declared values differ, or one file whose content has changed.
public struct FieldDiff: Hashable, Sendable {
    /// The field: `status`, `env.PORT`, `actions.server.exec`.
    public var path: String
    /// The recorded value; nil for the default.
    public var before: String?
    /// The declared value; nil for the default.
    public var after: String?
    /// The cost of the change.
    public var cost: CostOfChange
    /// The location in the manifest.
    public var location: ManifestLocation?
    /// The file whose content has changed, with digests as values; nil for a field.
    public var file: String?

    /// Creates a difference.
    public init(path: String, before: String?, after: String?, cost: CostOfChange, at location: ManifestLocation?) {
        self.path = path
        self.before = before
        self.after = after
        self.cost = cost
        self.location = location
    }
}

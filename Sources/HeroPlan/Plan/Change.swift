public import HeroModel

/// What happens to one service, and why.
public struct Change: Hashable, Sendable {
    /// The service, or the standalone action.
    public var service: QualifiedName
    /// Whether it is about an action outside of services; those are in no wave.
    public var isStandalone: Bool
    /// What happens.
    public var action: PlanAction
    /// Why.
    public var reason: Reason
    /// The change that drags it along: for cascades.
    public var cause: QualifiedName?
    /// The fields that differ, dearest first, then by path.
    public var fields: [FieldDiff]
    /// Its place in `stopWaves`, from 0.
    public var stopWave: Int?
    /// Its place in `startWaves`, from 0.
    public var startWave: Int?
    /// What it waits for, when it is blocked.
    public var blockedBy: [QualifiedName]

    /// Makes a change.
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
}

/// Why a service changes.
///
/// Reasons explain; actions decide.
public struct Reason: Hashable, Sendable {
    /// The kinds of reasons (contract section 5, and those of keeping and of blocking).
    public enum Code: String, Hashable, Sendable, Codable, CaseIterable {
        /// It was never up and is wanted up.
        case declared
        /// Its status says start.
        case wantedStart = "wanted_start"
        /// Its status says stop or spec, or `down` was ordered.
        case wantedStop = "wanted_stop"
        /// No manifest declares it any more.
        case undeclared
        /// A field changed.
        case specChanged = "spec_changed"
        /// Its generation rose.
        case generationRaised = "generation_raised"
        /// Something it requires goes down.
        case cascade
        /// Something it conflicts with must go first.
        case conflict
        /// It is wanted up, and down.
        case notRunning = "not_running"
        /// It is up, and does not answer.
        case unhealthy
        /// It is as it should be.
        case unchanged
        /// Its status says ignore.
        case ignored
        /// What it requires is not up.
        case requirementDown = "requirement_down"
    }

    /// The kind.
    public var code: Code
    /// In words, with the place where there is one.
    public var text: String
    /// Where the manifest says it.
    public var place: ManifestLocation?

    /// Makes a reason.
    public init(_ code: Code, _ text: String, at place: ManifestLocation? = nil) {
        self.code = code
        self.text = text
        self.place = place
    }
}

/// One field that differs.
public struct FieldDiff: Hashable, Sendable {
    /// The field: `status`, `env.PORT`, `actions.server.exec`.
    public var path: String
    /// The recorded value; nil for the default.
    public var before: String?
    /// The wanted value; nil for the default.
    public var after: String?
    /// What the change costs.
    public var cost: CostOfChange
    /// Where the manifest says it.
    public var place: ManifestLocation?

    /// Makes a difference.
    public init(path: String, before: String?, after: String?, cost: CostOfChange, at place: ManifestLocation?) {
        self.path = path
        self.before = before
        self.after = after
        self.cost = cost
        self.place = place
    }
}

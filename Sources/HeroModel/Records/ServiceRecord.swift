/// The record of a service as last started, complete enough to compare, stop and restart it without its manifest.
public struct ServiceRecord: Hashable, Sendable, Codable {
    /// The name.
    public var name: QualifiedName
    /// The spec that it was started with; a change in place updates it.
    public var spec: ServiceSpec
    /// The spec in canonical form, for comparison.
    public var canonical: CanonicalSpec
    /// The state.
    public var state: ServiceState
    /// Since when it has this state, for display.
    public var since: WallTime
    /// The requirements that it waits for, if it is blocked.
    public var blockedBy: [QualifiedName]
    /// The current or last run; nil if it never ran.
    public var run: RunID?
    /// The revision of the spec.
    public var revision: RevisionNumber
    /// Whether its start was requested, and no stop since.
    public var isStartRequested: Bool
    /// The last declared status that was not deferred; nil before the first.
    public var wanted: DesiredStatus?
    /// The last declared hold, which counts when no manifest declares the service any more.
    public var hold: Hold?
    /// Its change that is not made yet; nil without one.
    public var deferred: DeferredChange?

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case name, spec, canonical, state, since, blockedBy, run, revision, wanted, hold, deferred
        case isStartRequested = "isOrderedUp"
    }

    /// Makes a record.
    public init(
        spec: ServiceSpec,
        canonical: CanonicalSpec,
        state: ServiceState,
        since: WallTime,
        blockedBy: [QualifiedName] = [],
        run: RunID?,
        revision: RevisionNumber,
        isStartRequested: Bool
    ) {
        name = spec.name
        self.spec = spec
        self.canonical = canonical
        self.state = state
        self.since = since
        self.blockedBy = blockedBy
        self.run = run
        self.revision = revision
        self.isStartRequested = isStartRequested
    }
}

/// A run: one activation of a service.
public struct RunRecord: Hashable, Sendable, Codable {
    /// The number.
    public var id: RunID
    /// The service.
    public var service: QualifiedName
    /// The revision that it started with.
    public var revision: RevisionNumber
    /// When it began to start.
    public var startedAt: WallTime
    /// When it was stopped; nil while it is current.
    public var endedAt: WallTime?

    /// Makes a record.
    public init(
        id: RunID,
        service: QualifiedName,
        revision: RevisionNumber,
        startedAt: WallTime,
        endedAt: WallTime? = nil
    ) {
        self.id = id
        self.service = service
        self.revision = revision
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

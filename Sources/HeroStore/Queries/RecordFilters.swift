public import HeroModel

/// Conditions for jobs; nil matches any job.
public struct JobFilter: Hashable, Sendable {
    /// The context.
    public var context: String?
    /// The service.
    public var service: String?
    /// The action.
    public var action: String?
    /// A tag of the job.
    public var tag: String?
    /// The phase.
    public var phase: JobPhase?
    /// The run.
    public var run: RunID?
    /// Whether to select running and retrying jobs only.
    public var activeOnly: Bool
    /// The maximum number of jobs, the newest ones; nil means no limit.
    public var limit: Int?

    /// Creates a filter; without arguments it matches every job.
    public init(
        context: String? = nil,
        service: String? = nil,
        action: String? = nil,
        tag: String? = nil,
        phase: JobPhase? = nil,
        run: RunID? = nil,
        activeOnly: Bool = false,
        limit: Int? = nil
    ) {
        self.context = context
        self.service = service
        self.action = action
        self.tag = tag
        self.phase = phase
        self.run = run
        self.activeOnly = activeOnly
        self.limit = limit
    }
}

/// Conditions for events.
public struct EventFilter: Hashable, Sendable {
    /// The earliest time.
    public var since: WallTime?
    /// The number of an event; selects the events recorded after it.
    ///
    /// With this condition, `limit` keeps the oldest events, so that a reader can continue without a gap; else the
    /// newest.
    public var after: Int64?
    /// The maximum number of events; nil means no limit.
    public var limit: Int?

    /// Creates a filter; without arguments it matches every event.
    public init(since: WallTime? = nil, after: Int64? = nil, limit: Int? = nil) {
        self.since = since
        self.after = after
        self.limit = limit
    }
}

/// An event with its number.
public struct NumberedEvent: Hashable, Sendable {
    /// The number, which increases with each event.
    public var id: Int64
    /// The event.
    public var event: EventRecord
}

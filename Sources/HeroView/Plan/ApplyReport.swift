public import HeroModel
public import HeroPlan

/// The result of an `apply`, a `reconcile` or a `down`.
public struct ApplyReport: Hashable, Sendable {
    /// The result of one service of the plan.
    public struct Service: Hashable, Sendable {
        /// The service.
        public var name: QualifiedName
        /// The current state.
        public var state: ServiceState
        /// The number of its jobs that were cancelled.
        public var cancelled: Int
        /// The services that stopped with it, dependents first.
        public var stoppedDependents: [QualifiedName]
        /// Why the service is not in the requested state, as text.
        public var detail: String?

        /// Creates a result of a service.
        public init(
            name: QualifiedName,
            state: ServiceState,
            cancelled: Int = 0,
            stoppedDependents: [QualifiedName] = [],
            detail: String? = nil
        ) {
            self.name = name
            self.state = state
            self.cancelled = cancelled
            self.stoppedDependents = stoppedDependents
            self.detail = detail
        }
    }

    /// The recorded revision; nil if none was recorded.
    public var revision: RevisionNumber?
    /// Whether every service has reached its declared state.
    public var isConverged: Bool
    /// The plan; nil if there was none.
    public var plan: Plan?
    /// The results of the services that changed.
    public var services: [Service]
    /// The errors, as text.
    public var errors: [String]
    /// Whether it is not known that the reconciler has recorded the revision, because the reconciler did not reply.
    public var isOutcomeUnknown = false
    /// The duration.
    public var elapsed: Duration

    /// Creates a report.
    public init(
        revision: RevisionNumber?,
        isConverged: Bool,
        plan: Plan?,
        services: [Service] = [],
        errors: [String] = [],
        elapsed: Duration = .zero
    ) {
        self.revision = revision
        self.isConverged = isConverged
        self.plan = plan
        self.services = services
        self.errors = errors
        self.elapsed = elapsed
    }
}

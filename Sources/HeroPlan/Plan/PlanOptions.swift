public import HeroModel

/// The options of the planner besides the manifests.
public struct PlanOptions: Hashable, Sendable {
    /// Which services `down` stops.
    public enum Down: Hashable, Sendable {
        /// No `down`: the manifests decide.
        case none
        /// Every service of class user, except those with status ignore.
        case userServices
        /// Every service, except those with status ignore.
        case allServices
    }

    /// Whether services that no manifest declares are stopped.
    public var prunes: Bool
    /// Whether failed services are retried: an apply retries them, healing does not.
    public var retriesFailed: Bool
    /// Whether standalone actions whose requested run has failed run again: an apply of a person runs them again, a
    /// reconciler does not.
    public var rerunsFailed: Bool
    /// Which services `down` stops.
    public var down: Down
    /// Services and standalone actions that the plan is narrowed to, with their cascades; empty for a whole plan.
    public var only: [QualifiedName]
    /// Whether processes that hold declared resources may be stopped where the manifests allow it; if not, a plan that
    /// needs a reclaim is refused.
    public var allowsReclaims: Bool
    /// Whether protected services may be stopped and restarted.
    public var allowsProtected: Bool
    /// Whether the plan may stop and restart more services than `max_disruption`.
    public var allowsDisruption: Bool
    /// Whether running services may be stopped that could not start again on this machine.
    public var allowsBroken: Bool

    /// The time at which holds are evaluated; nil if holds do not count.
    public var time: WallTime?
    /// Whether the manifests are those of an earlier revision: then actions that run once for a change are not run.
    public var goesBack = false

    /// Creates options; the defaults are those of `diff` and `apply`.
    public init(
        prunes: Bool = true,
        retriesFailed: Bool = true,
        rerunsFailed: Bool = true,
        down: Down = .none,
        only: [QualifiedName] = [],
        allowsReclaims: Bool = true,
        allowsProtected: Bool = false,
        allowsDisruption: Bool = false,
        allowsBroken: Bool = false
    ) {
        self.prunes = prunes
        self.retriesFailed = retriesFailed
        self.rerunsFailed = rerunsFailed
        self.down = down
        self.only = only
        self.allowsReclaims = allowsReclaims
        self.allowsProtected = allowsProtected
        self.allowsDisruption = allowsDisruption
        self.allowsBroken = allowsBroken
    }
}

public import HeroModel

/// What is asked of the planner besides the manifests.
public struct PlanOptions: Hashable, Sendable {
    /// Which services `down` takes along.
    public enum Down: Hashable, Sendable {
        /// No `down`: the manifests say what is wanted.
        case none
        /// Every service of class user, except status ignore.
        case userServices
        /// Every service, except status ignore.
        case allServices
    }

    /// Whether services that no manifest declares are stopped.
    public var prunes: Bool
    /// Whether services that gave up are tried again: an apply does, healing does not.
    public var retriesFailed: Bool
    /// Whether all is wanted down.
    public var down: Down
    /// Services and standalone actions the plan is narrowed to, with what they drag along; empty: all.
    public var only: [QualifiedName]
    /// Whether processes that hold what actions bind may be stopped where the manifests allow it; false refuses.
    public var allowsReclaims: Bool
    /// Whether protected services may be stopped and restarted.
    public var allowsProtected: Bool
    /// Whether more services may be stopped and restarted than `max_disruption` says.
    public var allowsDisruption: Bool

    /// Makes options; the defaults are those of `diff` and `apply`.
    public init(
        prunes: Bool = true,
        retriesFailed: Bool = true,
        down: Down = .none,
        only: [QualifiedName] = [],
        allowsReclaims: Bool = true,
        allowsProtected: Bool = false,
        allowsDisruption: Bool = false
    ) {
        self.prunes = prunes
        self.retriesFailed = retriesFailed
        self.down = down
        self.only = only
        self.allowsReclaims = allowsReclaims
        self.allowsProtected = allowsProtected
        self.allowsDisruption = allowsDisruption
    }
}

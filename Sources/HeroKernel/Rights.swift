public import HeroModel

/// As whom a program runs, and what it may use of the machine.
public struct Rights: Hashable, Sendable {
    /// The name or number of a user; nil: whoever starts it.
    public var user: String?
    /// The name or number of a group; nil: the main group of the user.
    public var group: String?
    /// What it may use.
    public var limits: ResourceLimits
    /// Whether it may never gain privileges; nil: true unless it runs as root.
    public var noNewPrivileges: Bool?
    /// Whether it is executed only if nobody but root and whoever starts it could change it.
    public var isStrict: Bool
    /// How readily the kernel kills it when memory runs out, -1000 to 1000; nil: as its starter.
    public var oomScoreAdjustment: Int?

    /// Makes rights; the default changes nothing.
    public init(
        user: String? = nil,
        group: String? = nil,
        limits: ResourceLimits = ResourceLimits(),
        noNewPrivileges: Bool? = nil,
        isStrict: Bool = false,
        oomScoreAdjustment: Int? = nil
    ) {
        self.user = user
        self.group = group
        self.limits = limits
        self.noNewPrivileges = noNewPrivileges
        self.isStrict = isStrict
        self.oomScoreAdjustment = oomScoreAdjustment
    }
}

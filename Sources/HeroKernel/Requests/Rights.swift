public import HeroModel

/// The user, group, limits and privileges of a program.
public struct Rights: Hashable, Sendable {
    /// The name or number of the user; nil: the user of heroproc.
    public var user: String?
    /// The name or number of the group; nil: the primary group of the user.
    public var group: String?
    /// The resource limits.
    public var limits: ResourceLimits
    /// Whether the program can never gain privileges; nil: true unless it runs as root.
    public var noNewPrivileges: Bool?
    /// The capabilities that the program keeps; nil: all of root, and none of another user.
    public var capabilities: [Capability]?
    /// Whether the program is executed only if no user except root and the user of heroproc can change it.
    public var isStrict: Bool
    /// The OOM score adjustment, -1000 to 1000; nil: that of heroproc.
    public var oomScoreAdjustment: Int?
    /// The nice value; nil: that of heroproc.
    public var nice: Int?
    /// The priority of the disk access; nil: unchanged.
    public var ioPriority: IOPriority?

    /// Makes rights; by default a program gets those of heroproc.
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

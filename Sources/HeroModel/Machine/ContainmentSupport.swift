/// What a machine offers to contain and limit a process tree.
///
/// Limits per process (setrlimit(2)) exist on every machine.
public struct ContainmentSupport: Hashable, Sendable {
    /// How the processes of a tree are contained (TR-2); the strongest method comes first.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        /// A cgroup v2 per start; one write kills the whole tree.
        case cgroup
        /// A cgroup v1 freezer per start; a frozen process cannot fork.
        case freezer
        /// The shim is a child subreaper: it becomes the parent of orphaned descendants.
        case subreaper
    }

    /// The containment method.
    public var method: Method
    /// Whether `memory.max` is available.
    public var limitsMemory: Bool
    /// Whether `pids.max` is available.
    public var limitsProcesses: Bool
    /// Whether `cpu.max` is available.
    public var limitsProcessors: Bool
    /// The largest values that heroproc can set as limits of a process; nil means no maximum, or an unknown one.
    public var maximumLimits: ResourceLimits

    /// Makes a description; by default nothing is available.
    public init(
        method: Method = .subreaper,
        limitsMemory: Bool = false,
        limitsProcesses: Bool = false,
        limitsProcessors: Bool = false,
        maximumLimits: ResourceLimits = ResourceLimits()
    ) {
        self.method = method
        self.limitsMemory = limitsMemory
        self.limitsProcesses = limitsProcesses
        self.limitsProcessors = limitsProcessors
        self.maximumLimits = maximumLimits
    }
}

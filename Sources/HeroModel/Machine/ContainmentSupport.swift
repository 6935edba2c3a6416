/// What a machine offers for holding and limiting a whole tree of processes.
///
/// Limits of each single process (setrlimit(2)) are there on every machine.
public struct ContainmentSupport: Hashable, Sendable {
    /// What holds a tree together (reliability.md TR-2), strongest first.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        /// A cgroup v2 for each start: one write kills all of it.
        case cgroup
        /// A directory in the v1 freezer for each start: what stands still cannot fork away.
        case freezer
        /// The shim is the parent of whatever loses its own.
        case subreaper
    }

    /// How trees are held together.
    public var method: Method
    /// `memory.max`.
    public var limitsMemory: Bool
    /// `pids.max`.
    public var limitsProcesses: Bool
    /// `cpu.max`.
    public var limitsProcessors: Bool

    /// Describes a machine; the default offers nothing.
    public init(
        method: Method = .subreaper,
        limitsMemory: Bool = false,
        limitsProcesses: Bool = false,
        limitsProcessors: Bool = false
    ) {
        self.method = method
        self.limitsMemory = limitsMemory
        self.limitsProcesses = limitsProcesses
        self.limitsProcessors = limitsProcessors
    }
}

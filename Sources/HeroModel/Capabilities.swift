/// What a machine offers for limiting a whole tree of processes: the controllers of a cgroup v2 that heroproc may write.
///
/// Limits of each single process (setrlimit(2)) are there on every machine.
public struct Capabilities: Hashable, Sendable {
    /// `memory.max`.
    public var limitsMemory: Bool
    /// `pids.max`.
    public var limitsProcesses: Bool
    /// `cpu.max`.
    public var limitsProcessors: Bool

    /// Describes a machine; the default offers nothing.
    public init(limitsMemory: Bool = false, limitsProcesses: Bool = false, limitsProcessors: Bool = false) {
        self.limitsMemory = limitsMemory
        self.limitsProcesses = limitsProcesses
        self.limitsProcessors = limitsProcessors
    }
}

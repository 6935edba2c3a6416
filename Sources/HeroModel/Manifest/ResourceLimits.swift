/// The resource limits of an action; nil means the limit of heroproc itself.
public struct ResourceLimits: Hashable, Sendable, Codable {
    /// Open files per process (RLIMIT_NOFILE).
    public var openFiles: Int64?
    /// Processes of its user (RLIMIT_NPROC).
    public var processes: Int64?
    /// The size of a core dump in bytes (RLIMIT_CORE).
    public var coreBytes: Int64?
    /// Memory of the process tree in bytes (cgroup v2 `memory.max`).
    public var memoryBytes: Int64?
    /// Processes and threads of the process tree (cgroup v2 `pids.max`).
    public var treeProcesses: Int64?
    /// Processors that the process tree may use, such as 0.5 or 2 (cgroup v2 `cpu.max`).
    public var processors: Double?

    /// Makes limits; the default sets none.
    public init(
        openFiles: Int64? = nil,
        processes: Int64? = nil,
        coreBytes: Int64? = nil,
        memoryBytes: Int64? = nil,
        treeProcesses: Int64? = nil,
        processors: Double? = nil
    ) {
        self.openFiles = openFiles
        self.processes = processes
        self.coreBytes = coreBytes
        self.memoryBytes = memoryBytes
        self.treeProcesses = treeProcesses
        self.processors = processors
    }
}

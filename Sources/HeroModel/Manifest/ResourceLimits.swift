/// What an action may use of the machine; nil leaves a limit as heroproc itself has it.
public struct ResourceLimits: Hashable, Sendable, Codable {
    /// Open files of each process (RLIMIT_NOFILE).
    public var openFiles: Int64?
    /// Processes of its user (RLIMIT_NPROC).
    public var processes: Int64?
    /// Bytes of a core dump (RLIMIT_CORE).
    public var coreBytes: Int64?
    /// Bytes of memory of its whole tree (cgroup v2 `memory.max`), else of each process (RLIMIT_AS).
    public var memoryBytes: Int64?
    /// Processes and threads of its whole tree (cgroup v2 `pids.max`).
    public var treeProcesses: Int64?
    /// Processors its whole tree may keep busy, such as 0.5 or 2 (cgroup v2 `cpu.max`).
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

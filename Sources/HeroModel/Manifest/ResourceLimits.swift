/// The resource limits of an action; nil means the limit of heroproc itself.
public struct ResourceLimits: Hashable, Sendable, Codable {
    /// Open files per process (RLIMIT_NOFILE).
    public var openFiles: ProcessLimit?
    /// Processes of its user (RLIMIT_NPROC).
    public var processes: ProcessLimit?
    /// The size of a core dump in bytes (RLIMIT_CORE).
    public var coreBytes: ProcessLimit?
    /// Locked memory per process in bytes (RLIMIT_MEMLOCK).
    public var lockedBytes: ProcessLimit?
    /// The size of a file that a process writes, in bytes (RLIMIT_FSIZE).
    public var fileBytes: ProcessLimit?
    /// The size of the stack of a process in bytes (RLIMIT_STACK).
    public var stackBytes: ProcessLimit?
    /// The address space per process in bytes (RLIMIT_AS).
    public var addressSpaceBytes: ProcessLimit?
    /// Memory of the process tree in bytes (cgroup v2 `memory.max`).
    public var memoryBytes: Int64?
    /// Processes and threads of the process tree (cgroup v2 `pids.max`).
    public var treeProcesses: Int64?
    /// Processors that the process tree may use, such as 0.5 or 2 (cgroup v2 `cpu.max`).
    public var processors: Double?

    /// Makes limits; the default sets none.
    public init(
        openFiles: ProcessLimit? = nil,
        processes: ProcessLimit? = nil,
        coreBytes: ProcessLimit? = nil,
        lockedBytes: ProcessLimit? = nil,
        fileBytes: ProcessLimit? = nil,
        stackBytes: ProcessLimit? = nil,
        addressSpaceBytes: ProcessLimit? = nil,
        memoryBytes: Int64? = nil,
        treeProcesses: Int64? = nil,
        processors: Double? = nil
    ) {
        self.openFiles = openFiles
        self.processes = processes
        self.coreBytes = coreBytes
        self.lockedBytes = lockedBytes
        self.fileBytes = fileBytes
        self.stackBytes = stackBytes
        self.addressSpaceBytes = addressSpaceBytes
        self.memoryBytes = memoryBytes
        self.treeProcesses = treeProcesses
        self.processors = processors
    }

    /// The limits with those of another value where they have none.
    public func completed(by defaults: ResourceLimits) -> ResourceLimits {
        ResourceLimits(
            openFiles: openFiles ?? defaults.openFiles,
            processes: processes ?? defaults.processes,
            coreBytes: coreBytes ?? defaults.coreBytes,
            lockedBytes: lockedBytes ?? defaults.lockedBytes,
            fileBytes: fileBytes ?? defaults.fileBytes,
            stackBytes: stackBytes ?? defaults.stackBytes,
            addressSpaceBytes: addressSpaceBytes ?? defaults.addressSpaceBytes,
            memoryBytes: memoryBytes ?? defaults.memoryBytes,
            treeProcesses: treeProcesses ?? defaults.treeProcesses,
            processors: processors ?? defaults.processors
        )
    }
}

extension ResourceLimits {
    /// One kind of limit of each process.
    public struct ProcessKind: Sendable {
        /// The key in `limits`.
        public let key: String
        /// Whether the value is a size in bytes.
        public let isSize: Bool
        /// The limit of this kind.
        public let limit: @Sendable (ResourceLimits) -> ProcessLimit?

        /// The limit of this kind as text; nil if there is none.
        public func text(in limits: ResourceLimits) -> String? {
            limit(limits)?.text { isSize ? Canonical.size($0) : String($0) }
        }
    }

    /// The kinds of limits of each process, in the order of the reference.
    public static let processKinds = [
        ProcessKind(key: "nofile", isSize: false) { $0.openFiles },
        ProcessKind(key: "nproc", isSize: false) { $0.processes },
        ProcessKind(key: "core", isSize: true) { $0.coreBytes },
        ProcessKind(key: "memlock", isSize: true) { $0.lockedBytes },
        ProcessKind(key: "fsize", isSize: true) { $0.fileBytes },
        ProcessKind(key: "stack", isSize: true) { $0.stackBytes },
        ProcessKind(key: "address_space", isSize: true) { $0.addressSpaceBytes },
    ]
}

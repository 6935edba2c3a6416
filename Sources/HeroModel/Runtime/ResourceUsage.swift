/// The resources that processes use; a number is nil if it is unknown.
public struct ResourceUsage: Hashable, Sendable {
    /// The processor time in microseconds, as far as the kernel has counted it for these processes.
    public var cpuMicroseconds: Int64?
    /// The proportional share of memory (PSS) in bytes.
    public var memory: Int64?
    /// The number of processes.
    public var processes: Int64?
    /// The number of threads.
    public var threads: Int64?
    /// The number of open descriptors.
    public var descriptors: Int64?

    /// Creates a usage.
    public init(
        cpuMicroseconds: Int64?,
        memory: Int64?,
        processes: Int64?,
        threads: Int64?,
        descriptors: Int64?
    ) {
        self.cpuMicroseconds = cpuMicroseconds
        self.memory = memory
        self.processes = processes
        self.threads = threads
        self.descriptors = descriptors
    }

    /// The usage of no process.
    public static let none = Self(cpuMicroseconds: 0, memory: 0, processes: 0, threads: 0, descriptors: 0)
    /// The usage of processes that cannot be read.
    public static let unknown = Self(cpuMicroseconds: nil, memory: nil, processes: nil, threads: nil, descriptors: nil)

    /// The usage of both; a number that is unknown for one of them is unknown.
    public static func + (left: Self, right: Self) -> Self {
        Self(
            cpuMicroseconds: sum(left.cpuMicroseconds, right.cpuMicroseconds),
            memory: sum(left.memory, right.memory),
            processes: sum(left.processes, right.processes),
            threads: sum(left.threads, right.threads),
            descriptors: sum(left.descriptors, right.descriptors)
        )
    }

    private static func sum(_ left: Int64?, _ right: Int64?) -> Int64? {
        guard let left, let right else { return nil }
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}

/// A process and the resources that it uses.
public struct ProcessUsage: Hashable, Sendable {
    /// Its number.
    public var pid: Int32
    /// The number of its parent.
    public var parent: Int32
    /// The name of its program, of at most 15 bytes.
    ///
    /// Its arguments may be secrets.
    public var command: String
    /// When it was started.
    public var startedAt: WallTime
    /// What it uses, with the processor time of children that it has waited for.
    public var usage: ResourceUsage

    /// Creates a process.
    public init(pid: Int32, parent: Int32, command: String, startedAt: WallTime, usage: ResourceUsage) {
        self.pid = pid
        self.parent = parent
        self.command = command
        self.startedAt = startedAt
        self.usage = usage
    }
}

/// The processes of one tree, and what they use together.
public struct TreeUsage: Hashable, Sendable {
    /// The processes, each after its parent.
    public var processes: [ProcessUsage]
    /// What they use together.
    public var total: ResourceUsage

    /// Creates a tree.
    public init(processes: [ProcessUsage], total: ResourceUsage) {
        self.processes = processes
        self.total = total
    }

    /// A tree whose processes cannot be found.
    public static let unknown = Self(processes: [], total: .unknown)
}

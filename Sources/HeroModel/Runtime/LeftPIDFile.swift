/// The PID file that an action names (`pid_file`), as it exists before a start.
public struct LeftPIDFile: Hashable, Sendable {
    /// The absolute path.
    public var path: String
    /// The device, as stat(2) returns it.
    public var device: UInt64
    /// The inode.
    public var inode: UInt64
    /// When the content was last written.
    public var writtenAt: WallTime
    /// Why no start removes it, whatever program has written it; nil if a start may remove it.
    ///
    /// The text completes a sentence that begins with the path.
    public var problem: String?

    /// Makes the facts of a file.
    public init(path: String, device: UInt64, inode: UInt64, writtenAt: WallTime, problem: String? = nil) {
        self.path = path
        self.device = device
        self.inode = inode
        self.writtenAt = writtenAt
        self.problem = problem
    }
}

/// The time from the execution of a program to its recorded end.
public struct PastStart: Hashable, Sendable {
    /// When the program executed.
    public var startedAt: WallTime
    /// When it ended.
    public var endedAt: WallTime

    /// Makes a start that has ended.
    public init(startedAt: WallTime, endedAt: WallTime) {
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

extension JobRecord {
    /// The last start of the job, if it has executed its program and ended; nil otherwise.
    public var pastStart: PastStart? {
        guard executions > 0, process == nil, let startedAt, let finishedAt, startedAt <= finishedAt else { return nil }
        return PastStart(startedAt: startedAt, endedAt: finishedAt)
    }
}

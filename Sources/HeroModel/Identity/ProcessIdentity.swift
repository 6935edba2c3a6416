/// The identity of one process, which no other process with the same pid can have (ID-1).
///
/// A bare pid is never stored, compared or signalled.
public struct ProcessIdentity: Hashable, Sendable, Codable {
    /// The boot in which the process runs: `/proc/sys/kernel/random/boot_id`.
    public var bootID: String
    /// The inode of its pid namespace.
    public var pidNamespace: UInt64
    /// The pid in that namespace.
    public var pid: Int32
    /// The start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    public var startTicks: UInt64
    /// The inode of its pidfd, unique per boot; 0 if the kernel has no pidfs (before 6.9).
    public var pidfsInode: UInt64

    /// Makes an identity.
    public init(bootID: String, pidNamespace: UInt64, pid: Int32, startTicks: UInt64, pidfsInode: UInt64) {
        self.bootID = bootID
        self.pidNamespace = pidNamespace
        self.pid = pid
        self.startTicks = startTicks
        self.pidfsInode = pidfsInode
    }

    /// Whether both identify the same process; false if a start time is unknown.
    public func isSameProcess(as other: ProcessIdentity) -> Bool {
        guard startTicks != 0, other.startTicks != 0 else { return false }
        guard bootID == other.bootID, pidNamespace == other.pidNamespace, pid == other.pid,
            startTicks == other.startTicks
        else { return false }
        return pidfsInode == other.pidfsInode || pidfsInode == 0 || other.pidfsInode == 0
    }
}

/// The identity of a socket file, so that no other file with the same path is removed.
public struct SocketFile: Hashable, Sendable {
    /// The absolute path.
    public var path: String
    /// The device.
    public var device: UInt64
    /// The inode.
    public var inode: UInt64
    /// The creation time in nanoseconds since 1970; 0 if the file system does not store it.
    public var bornAt: Int64

    /// Makes a socket file.
    public init(path: String, device: UInt64, inode: UInt64, bornAt: Int64) {
        self.path = path
        self.device = device
        self.inode = inode
        self.bornAt = bornAt
    }
}

/// The facts about a file on which trust in it depends, as stat(2), getxattr(2) and statvfs(2) report them.
public struct FileFacts: Hashable, Sendable {
    /// The type of a file.
    public enum Kind: Hashable, Sendable {
        /// A regular file.
        case regular
        /// A directory.
        case directory
        /// A symbolic link.
        case link
        /// A FIFO, a socket or a device.
        case other
    }

    /// The type.
    public var kind: Kind
    /// The number of the owner.
    public var owner: UInt32
    /// The number of the group.
    public var group: UInt32
    /// The permission bits: 12 bits, as in chmod(2).
    public var mode: UInt32
    /// The number of hard links.
    public var linkCount: UInt64
    /// Whether the file has an access control list (acl(5)); known only if the group or others may write.
    public var hasAccessList: Bool
    /// Whether the file is on a read-only file system; known only if the group or others may write.
    public var isOnReadOnlyFileSystem: Bool

    /// Creates the facts of a file.
    public init(
        kind: Kind,
        owner: UInt32,
        group: UInt32,
        mode: UInt32,
        linkCount: UInt64 = 1,
        hasAccessList: Bool = false,
        isOnReadOnlyFileSystem: Bool = false
    ) {
        self.kind = kind
        self.owner = owner
        self.group = group
        self.mode = mode
        self.linkCount = linkCount
        self.hasAccessList = hasAccessList
        self.isOnReadOnlyFileSystem = isOnReadOnlyFileSystem
    }

    /// Whether the permission bits allow users other than the owner to write.
    public var isGroupOrWorldWritable: Bool { mode & 0o022 != 0 }

    /// Whether the permission bits allow all users to write.
    public var isWorldWritable: Bool { mode & 0o002 != 0 }

    /// Whether only the owner of an entry may rename or remove it in this directory.
    public var isSticky: Bool { mode & 0o1000 != 0 }
}

/// The part of a path that an untrusted user could replace or change, and the reason.
public struct PathProblem: Error, Hashable, Sendable {
    /// The path of that part: a directory, a link or a file.
    public var path: String
    /// The reason as a text for users, with the remedy.
    public var cause: String

    /// Creates a problem.
    public init(path: String, cause: String) {
        self.path = path
        self.cause = cause
    }

    /// The problem as a text for users: `/srv/app: others may write to it`.
    public var text: String { "\(path): \(cause)" }
}

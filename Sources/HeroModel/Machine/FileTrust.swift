/// Decides which files this process trusts (FS-1, FS-4, SE-3, PF-1).
///
/// A file is trusted if no untrusted user can change or replace it. Root and the user of this process are always
/// trusted.
public struct FileTrust: Hashable, Sendable {
    /// The effective user of this process.
    public var user: UInt32
    /// The effective group of this process.
    public var group: UInt32
    /// In a user namespace, the number that stands for all users without a mapping.
    ///
    /// No process in the namespace can be one of them, so they are trusted as owners.
    public var unmappedUser: UInt32?

    /// Creates the rules for a process.
    public init(user: UInt32, group: UInt32, unmappedUser: UInt32? = nil) {
        self.user = user
        self.group = group
        self.unmappedUser = unmappedUser
    }

    /// Root, the user of this process and, in a user namespace, the users without a mapping.
    public var owners: Set<UInt32> {
        var result: Set<UInt32> = [0, user]
        if let unmappedUser { result.insert(unmappedUser) }
        return result
    }

    private static let writable = "others may write to it; run `chmod go-w` on it"

    // MARK: - Files and directories on a path

    /// Whether a user other than the owner may write to a file.
    ///
    /// A read-only file system prevents that.
    ///
    /// A group counts as the owner if it is root's, the group of this process, the private group of the owner (with the
    /// same number) or a system group (below 100), unless the file has an access control list.
    public func isWritableByOthers(_ file: FileFacts) -> Bool {
        guard file.isGroupOrWorldWritable else { return false }
        let isOwnersGroup = file.group == 0 || file.group == group || file.group == file.owner || file.group < 100
        if !file.isWorldWritable, isOwnersGroup, !file.hasAccessList { return false }
        return !file.isOnReadOnlyFileSystem
    }

    /// Throws if the owner of a file is not trusted.
    public func checkOwner(_ file: FileFacts, _ path: String, _ trusted: Set<UInt32>) throws(PathProblem) {
        guard !trusted.contains(file.owner) else { return }
        throw PathProblem(path: path, cause: "it belongs to the user \(file.owner)")
    }

    /// Throws if the owner of a directory is not trusted, or another user may change its entries.
    public func checkDirectory(_ file: FileFacts, _ path: String, _ trusted: Set<UInt32>) throws(PathProblem) {
        try checkOwner(file, path, trusted)
        // In a sticky directory only the owner of an entry can replace it, and each entry on the path is checked
        // itself.
        guard !file.isSticky, isWritableByOthers(file) else { return }
        throw PathProblem(path: path, cause: Self.writable)
    }

    // MARK: - Files by their use

    /// Returns why a file of heroproc's own (a lock, a record, the database) is not trusted; nil if it is.
    public func ownFileProblem(_ file: FileFacts) -> String? {
        guard file.kind == .regular else {
            return file.kind == .link ? "it is a symbolic link" : "it is not a regular file"
        }
        guard file.owner == 0 || file.owner == user else { return "it belongs to the user \(file.owner)" }
        guard file.linkCount <= 1 else { return "it has several hard links; remove this one" }
        guard !file.isGroupOrWorldWritable else { return Self.writable }
        return nil
    }

    /// Returns why a directory of heroproc's own is not private; nil if it is.
    ///
    /// The directory of root may be traversed.
    public func privateDirectoryProblem(_ file: FileFacts, _ path: String) -> String? {
        guard file.kind == .directory, file.owner == user else {
            return "it belongs to another user; remove it, or choose another state directory"
        }
        guard file.mode & (user == 0 ? 0o066 : 0o077) == 0 else {
            return "other users can access it; run `chmod 700 \(path)`"
        }
        return nil
    }

    /// Returns why a file with environment values is not trusted; nil if it is.
    ///
    /// `trusted` is another owner that is trusted.
    public func valueFileProblem(_ file: FileFacts, trusting trusted: UInt32? = nil) -> String? {
        guard file.kind == .regular else { return "it is not a regular file" }
        guard file.owner == 0 || file.owner == user || file.owner == trusted else {
            return "it belongs to another user; give it to root or to the user that heroproc runs as"
        }
        return isWritableByOthers(file) ? Self.writable : nil
    }

    /// Checks a manifest or a folder of a services directory.
    ///
    /// - Parameters:
    ///   - file: The facts of the file.
    ///   - path: Its path.
    ///   - directoryOwner: The owner of the services directory, who is trusted: the user has chosen that directory.
    /// - Throws: Why it is not trusted.
    public func checkManifest(_ file: FileFacts, _ path: String, directoryOwner: UInt32) throws(PathProblem) {
        let trusted = owners.union([directoryOwner])
        if file.kind == .directory { return try checkDirectory(file, path, trusted) }
        try checkOwner(file, path, trusted)
        if isWritableByOthers(file) { throw PathProblem(path: path, cause: Self.writable) }
        // The owner of the directory could create hard links there to files of other users.
        if file.linkCount > 1, file.owner != directoryOwner, !owners.contains(directoryOwner) {
            throw PathProblem(path: path, cause: "it is a hard link to a file of the user \(file.owner)")
        }
    }

    /// Throws if a program that is executed as root could be changed by another user.
    ///
    /// The directories on its path are checked apart.
    public func checkProgram(_ file: FileFacts, _ path: String) throws(PathProblem) {
        try checkOwner(file, path, owners)
        if isWritableByOthers(file) { throw PathProblem(path: path, cause: "others may write to it") }
    }

    /// Throws if `strict_exec` forbids a program.
    ///
    /// The directories on its path are checked apart.
    public func checkStrictProgram(_ file: FileFacts, _ path: String) throws(PathProblem) {
        try checkOwner(file, path, [0, user])
        // No group counts as the owner here, and a read-only file system makes no difference: the shim checks neither.
        if file.isGroupOrWorldWritable { throw PathProblem(path: path, cause: Self.writable) }
    }
}

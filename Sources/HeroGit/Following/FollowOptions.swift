/// What a reconciler follows, and how.
public struct FollowOptions: Hashable, Sendable {
    /// The repository.
    public var address: RepositoryAddress
    /// The branch or tag.
    public var ref: String
    /// The services directory in the repository; `.` is its root.
    public var path: String
    /// The file with the keys that may sign commits; nil if signatures are not verified.
    public var allowedSigners: String?
    /// The file with keys that do not count any more.
    public var revokedKeys: String?
    /// Whether every commit since the applied one must be signed.
    public var verifiesAll = false
    /// The private key for ssh.
    public var identity: String?
    /// The keys of known ssh hosts.
    public var knownHosts: String?
    /// The file with the token for https.
    public var tokenFile: String?

    /// Checks what is followed.
    public init(repository: String, ref: String, path: String) throws(GitError) {
        address = try RepositoryAddress(repository)
        try RepositoryNames.checkReference(ref)
        self.ref = ref
        self.path = try RepositoryNames.checkedPath(path)
    }
}

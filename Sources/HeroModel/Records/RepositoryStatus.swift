/// What a reconciler that follows a git repository publishes for `status`.
public struct RepositoryStatus: Hashable, Sendable, Codable {
    /// A commit that is not applied.
    public struct RefusedCommit: Hashable, Sendable, Codable {
        /// The commit.
        public var commit: String
        /// Why it is not applied.
        public var reason: String

        /// Makes a refused commit.
        public init(commit: String, reason: String) {
            self.commit = commit
            self.reason = reason
        }
    }

    /// The repository and the services directory in it.
    public var source: GitSource
    /// The newest commit that was fetched; nil before the first.
    public var seenCommit: String?
    /// The directory that contains the files of that commit; nil if they were not written.
    public var checkout: String?
    /// How many commits the applied one is behind it; nil if it is not known.
    public var behind: Int?
    /// When the repository was last fetched successfully; nil before the first time.
    public var fetchedAt: WallTime?
    /// Why the last fetch has failed; nil if it has not.
    public var error: String?
    /// The newest commit, if it was refused.
    public var refused: RefusedCommit?

    /// Makes a status before the first fetch.
    public init(source: GitSource) {
        self.source = source
    }
}

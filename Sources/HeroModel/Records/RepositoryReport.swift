/// What the helper process reports after it has fetched a git repository.
public struct RepositoryReport: Hashable, Sendable, Codable {
    /// The position of the fetched commit relative to the applied one.
    public enum Relation: Hashable, Sendable, Codable {
        /// No commit of this repository was applied yet.
        case first
        /// It is the applied commit.
        case same
        /// The applied commit is an ancestor; the number of commits between them.
        case ahead(Int)
        /// It is an ancestor of the applied commit.
        case behind
        /// Neither is an ancestor of the other, or the applied commit does not exist any more.
        case diverged
    }

    /// Why there is nothing to apply.
    public enum Problem: Hashable, Sendable, Codable {
        /// The newest commit is not known.
        case unreachable(String)
        /// The newest commit is known and must not be applied.
        case refused(String)
    }

    /// The newest commit; nil if it is not known.
    public var commit: String?
    /// Its author.
    public var author = ""
    /// The first line of its message.
    public var subject = ""
    /// Its verified signer; nil if signatures are not verified.
    public var signer: String?
    /// Its position relative to the applied commit.
    public var relation = Relation.first
    /// The absolute directory that contains its files; nil if they were not written.
    public var checkout: String?
    /// Why there is nothing to apply; nil if the commit is complete and verified.
    public var problem: Problem?

    /// Makes a report about a commit, or without one.
    public init(commit: String? = nil, problem: Problem? = nil) {
        self.commit = commit
        self.problem = problem
    }
}

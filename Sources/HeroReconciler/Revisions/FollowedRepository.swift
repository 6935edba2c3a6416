public import HeroModel

/// The git repository that a reconciler follows, and how.
public struct FollowedRepository: Sendable {
    /// The repository, the branch or tag, and the services directory in it.
    public var source: GitSource
    /// The time between two fetches.
    public var interval: Duration
    /// Whether the history may go back or be replaced.
    public var allowsRewind: Bool
    /// The arguments of the helper process that fetches; its argument is the applied commit of this repository.
    public var helperArguments: @Sendable (String?) -> [String]

    /// Describes a repository.
    public init(
        source: GitSource,
        interval: Duration,
        allowsRewind: Bool,
        helperArguments: @escaping @Sendable (String?) -> [String]
    ) {
        self.source = source
        self.interval = interval
        self.allowsRewind = allowsRewind
        self.helperArguments = helperArguments
    }

    /// When a fetch without an answer is killed.
    static let timeout = Duration.seconds(60)
}

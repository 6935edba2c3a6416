/// A revision: one applied desired state.
public struct RevisionRecord: Hashable, Sendable, Codable {
    /// The number, from 1.
    public var number: RevisionNumber
    /// When it was applied.
    public var time: WallTime
    /// The absolute path of its services directory.
    public var directory: String
    /// The git commit of the directory, if it is in a work tree.
    public var gitCommit: String?
    /// The repository that the manifests were fetched from; nil for manifests of a directory.
    public var git: GitSource?
    /// The actor: a user name, or `reconciler`.
    public var actor: String
    /// A summary of its changes, as text.
    public var summary: String
    /// Whether `down` stopped the services; they stay down until the next apply.
    public var isDown: Bool
    /// Whether it was `down --all`, which includes system services.
    public var isDownForAll: Bool
    /// Whether undeclared services are stopped; false: they stay up for as long as this revision is current.
    public var prunes: Bool
    /// The services selected with `--only`; empty: all services.
    public var only: [QualifiedName]
    /// The values given with `--var`.
    public var variables: [String: String]
    /// The earlier revision whose manifests it applies again; nil for new manifests.
    ///
    /// Then actions that run once for a change are not run.
    public var goesBackTo: RevisionNumber?

    /// Makes a record.
    public init(
        number: RevisionNumber,
        time: WallTime,
        directory: String,
        gitCommit: String? = nil,
        git: GitSource? = nil,
        actor: String,
        summary: String,
        isDown: Bool = false,
        isDownForAll: Bool = false,
        prunes: Bool = true,
        only: [QualifiedName] = [],
        variables: [String: String] = [:]
    ) {
        self.number = number
        self.time = time
        self.directory = directory
        self.gitCommit = gitCommit
        self.git = git
        self.actor = actor
        self.summary = summary
        self.isDown = isDown
        self.isDownForAll = isDownForAll
        self.prunes = prunes
        self.only = only
        self.variables = variables
    }
}

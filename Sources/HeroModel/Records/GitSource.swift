/// The origin of a revision whose manifests were fetched from a git repository; the commit is stored with the revision.
public struct GitSource: Hashable, Sendable, Codable {
    /// The address of the repository, as it was configured.
    public var repository: String
    /// The branch or tag that is followed.
    public var ref: String
    /// The services directory in the repository, relative to its root; `.` is the root.
    public var path: String
    /// The author of the commit.
    public var author: String
    /// The first line of the message of the commit.
    public var subject: String
    /// The verified signer of the commit; nil if signatures are not verified.
    public var signer: String?

    /// Makes an origin.
    public init(
        repository: String,
        ref: String,
        path: String,
        author: String = "",
        subject: String = "",
        signer: String? = nil
    ) {
        self.repository = repository
        self.ref = ref
        self.path = path
        self.author = author
        self.subject = subject
        self.signer = signer
    }

    /// Whether both name the same directory of the same repository.
    public func isSameDirectory(as other: GitSource) -> Bool {
        repository.utf8.elementsEqual(other.repository.utf8) && path.utf8.elementsEqual(other.path.utf8)
    }

    /// The repository and the services directory as one text.
    public var directoryText: String { "\(path) of \(repository)" }
}

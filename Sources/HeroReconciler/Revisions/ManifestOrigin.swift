import HeroModel

/// Where manifests come from: a directory, or a commit of a git repository that was written into a directory.
struct ManifestOrigin {
    /// The absolute services directory.
    var directory: String
    /// The repository; nil for a directory.
    var git: GitSource?
    /// The commit.
    var commit: String?
    /// The root of the files of the commit.
    var checkout: String?

    /// The origin for messages.
    var text: String { git?.directoryText ?? directory }

    /// Whether the last revision has the same origin, apart from the commit.
    func isOrigin(of revision: RevisionRecord) -> Bool {
        switch (git, revision.git) {
        case (let git?, let other?): git.isSameDirectory(as: other)
        case (nil, nil): revision.directory.utf8.elementsEqual(directory.utf8)
        case (nil, _?), (_?, nil): false
        }
    }
}

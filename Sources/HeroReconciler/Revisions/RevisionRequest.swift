import HeroManifest
import HeroModel

/// A checked set of manifests that is to become the next revision.
struct RevisionRequest {
    /// What the manifests declare.
    var desired: DesiredState
    /// The manifest files.
    var files: [ManifestFile]
    /// Their documents.
    var documents: [DocumentRecord]
    /// The values of the variables that the manifests use.
    var variables: [String: String]
    /// The absolute services directory.
    var directory: String
    /// Who applies it, for the history.
    var actor: String
    /// The git commit of the directory; nil when it has none.
    var gitCommit: String?
    /// The repository of the commit; nil for manifests of a directory.
    var git: GitSource?
    /// Whether services that are not declared any more are stopped.
    var prunes = true
    /// The services to which the apply is limited; empty: all.
    var only: [QualifiedName] = []
    /// Services that keep their present spec because they could not start again, with the reason.
    var waiting: [QualifiedName: String] = [:]
    /// The earlier revision whose manifests these are; nil when they are new.
    var rollbackOf: RevisionNumber?

    /// Whether it is exactly this revision, so that no new revision is needed.
    func isSame(as revision: RevisionRecord?, files current: [ManifestFile]) -> Bool {
        guard let revision, !revision.isDown else { return false }
        return files == current && ByteText(revision.directory) == ByteText(directory) && revision.prunes == prunes
            && revision.only == only && revision.variables == variables
    }

    /// Where the manifests come from, for messages.
    var originText: String {
        git.map { "\($0.directoryText) at \((gitCommit ?? "").prefix(12))" } ?? directory
    }

    /// The text of the revision in the history.
    var summary: String {
        let count = desired.services.count
        let declared = count == 1 ? "1 service declared" : "\(count) services declared"
        let narrowed = only.isEmpty ? "" : ", only \(only.map(\.description).joined(separator: " ")) applied"
        return (rollbackOf.map { "back to revision \($0): " } ?? "") + declared + narrowed
    }
}

import HeroManifest
import HeroModel
import HeroStore

extension StoredDocument {
    init(_ record: DocumentRecord) {
        self.init(kind: record.kind, name: record.name, file: record.place.file, line: record.place.line)
    }

    /// The documents in the manifest files of a revision.
    static func documents(of files: [ManifestFile], _ revision: RevisionRecord) -> [StoredDocument] {
        Manifests.read(files, options: .recorded(revision)).documents.map(StoredDocument.init)
    }
}

extension ManifestOptions {
    /// How the files of an applied revision are read again.
    ///
    /// What was accepted once is not refused now: the required core manifests may have been opted out of.
    static func recorded(_ revision: RevisionRecord?) -> ManifestOptions {
        ManifestOptions(requiresCore: false, variables: revision?.variables ?? [:])
    }
}

extension Manifests {
    /// What the files of an applied revision declare; nil when they cannot be read any more.
    static func declared(in files: [ManifestFile], by revision: RevisionRecord?) -> DesiredState? {
        read(files, options: .recorded(revision)).desired
    }
}

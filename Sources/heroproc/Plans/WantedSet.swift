import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

/// The manifests that a plan leads to: those of the services directory, or those of a recorded revision.
struct WantedSet {
    /// The files as diagnostics name them.
    var files: [ManifestFile]
    /// The files as they are recorded.
    var recordedFiles: [ManifestFile]
    /// What they mean.
    var result: ManifestResult
    /// Where they come from, in words.
    var source: String
    /// The absolute services directory.
    var directory: String
    /// The git commit they are of.
    var gitCommit: String?
    /// The revision that is gone back to.
    var revision: RevisionNumber?
    /// Whether the required core manifests must be among them.
    var requiresCore: Bool
}

extension Composition {
    /// The manifests of the services directory, or of a revision where one is named.
    func wanted(_ revision: RevisionNumber?, _ variables: VariableOptions) throws -> WantedSet {
        if let revision { return try recorded(revision) }
        let (files, result) = try readManifests(variables)
        return WantedSet(
            files: files,
            recordedFiles: recorded(files),
            result: result,
            source: shownDirectory,
            directory: directory,
            gitCommit: GitCommit.read(directory),
            requiresCore: requiresCore
        )
    }

    /// The manifests of a revision, which was accepted once and is not refused now for lack of the core.
    private func recorded(_ number: RevisionNumber) throws -> WantedSet {
        let (record, files) = try revision(number, to: "go back to")
        return WantedSet(
            files: files,
            recordedFiles: files,
            result: Manifests.read(files, options: ManifestOptions(requiresCore: false, variables: record.variables)),
            source: "revision \(number)",
            directory: record.directory,
            gitCommit: record.gitCommit,
            revision: number,
            requiresCore: false
        )
    }

    /// A recorded revision with its files; the purpose is for the words of a refusal: `go back to`.
    func revision(_ number: RevisionNumber, to purpose: String) throws -> (RevisionRecord, [ManifestFile]) {
        guard let reader = try reader(), let last = try reader.revision() else {
            throw Refusal("cannot \(purpose) revision \(number): nothing was ever applied in \(paths.state)")
        }
        let all = try reader.revisions(limit: .max)
        guard let record = all.first(where: { $0.number == number }) else {
            throw Refusal(
                "cannot \(purpose) revision \(number): there is none; the last one is \(last.number)",
                help: "`heroproc history` shows all there are"
            )
        }
        guard !record.isDown else {
            let former = all.first { $0.number < number && !$0.isDown }
            throw Refusal(
                "cannot \(purpose) revision \(number): it was a `\(record.summary)` and declares nothing",
                help: former.map { "the one before it is revision \($0.number)" }
            )
        }
        return (record, try reader.files(of: number))
    }
}

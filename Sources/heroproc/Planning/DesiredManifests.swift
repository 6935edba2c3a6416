import HeroGit
import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

/// The manifests that a plan leads to: those of the services directory, or those of a recorded revision.
struct DesiredManifests {
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

extension Workspace {
    /// The manifests of the services directory, or of a revision where one is named.
    func desiredManifests(_ revision: RevisionNumber?, _ variables: VariableOptions) throws -> DesiredManifests {
        if let revision { return try revisionManifests(revision) }
        let (files, result) = try readManifests(variables)
        return DesiredManifests(
            files: files,
            recordedFiles: withAbsolutePaths(files),
            result: result,
            source: displayDirectory,
            directory: directory,
            gitCommit: GitCommit.read(directory),
            requiresCore: requiresCore
        )
    }

    /// The manifests of a revision, which was accepted once and is not refused now for lack of the core.
    private func revisionManifests(_ number: RevisionNumber) throws -> DesiredManifests {
        let (record, files) = try revision(number, to: "go back to")
        return DesiredManifests(
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
        guard let reader = try openReader(), let last = try reader.revision() else {
            throw CommandError("cannot \(purpose) revision \(number): nothing was ever applied in \(paths.state)")
        }
        let all = try reader.revisions(limit: .max)
        guard let record = all.first(where: { $0.number == number }) else {
            throw CommandError(
                "cannot \(purpose) revision \(number): there is none; the last one is \(last.number)",
                help: "`heroproc history` shows all there are"
            )
        }
        guard !record.isDown else {
            let former = all.first { $0.number < number && !$0.isDown }
            throw CommandError(
                "cannot \(purpose) revision \(number): it was a `\(record.summary)` and declares nothing",
                help: former.map { "the one before it is revision \($0.number)" }
            )
        }
        return (record, try reader.files(of: number))
    }
}

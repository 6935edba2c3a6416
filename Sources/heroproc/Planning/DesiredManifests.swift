import HeroGit
import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

/// The manifests that a plan leads to: from the services directory or from a recorded revision.
struct DesiredManifests {
    /// The files with the paths that diagnostics show.
    var files: [ManifestFile]
    /// The files with the paths that are recorded.
    var recordedFiles: [ManifestFile]
    /// The entries of the directory that are not read.
    var skipped: [SkippedManifest] = []
    /// The decoded manifests and their diagnostics.
    var result: ManifestResult
    /// The source of the manifests, for messages.
    var source: String
    /// The absolute services directory.
    var directory: String
    /// The git commit of the manifests.
    var gitCommit: String?
    /// The revision to go back to.
    var revision: RevisionNumber?
    /// Whether the required core manifests must be declared.
    var requiresCore: Bool
}

extension Workspace {
    /// Reads the manifests of the services directory, or of the given revision.
    func desiredManifests(_ revision: RevisionNumber?, _ variables: VariableOptions) throws -> DesiredManifests {
        if let revision { return try revisionManifests(revision) }
        let (files, skipped, result) = try readManifests(variables)
        return DesiredManifests(
            files: files,
            recordedFiles: withAbsolutePaths(files),
            skipped: skipped,
            result: result,
            source: displayDirectory,
            directory: directory,
            gitCommit: GitCommit.read(directory),
            requiresCore: requiresCore
        )
    }

    /// Adds an error for everything that would stop because an entry that declared it is not read any more.
    func checkUnreadDeclarations(_ manifests: inout DesiredManifests) throws {
        guard !manifests.skipped.isEmpty, let now = manifests.result.desired, let reader = try openReader(),
            let revision = try reader.revision(), let before = try recordedManifests(revision, reader)
        else { return }
        let active = Set(try reader.serviceSummaries().filter { $0.state != .stopped }.map(\.name))
        let errors = SkippedManifest.errors(
            manifests.skipped,
            before: before,
            now: now,
            isActive: active.contains
        )
        guard !errors.isEmpty else { return }
        manifests.result.desired = nil
        manifests.result.diagnostics = (manifests.result.diagnostics + errors).sorted()
    }

    /// Reads the manifests of a revision.
    ///
    /// They were accepted once, so missing core manifests are no error now.
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

    /// Reads a recorded revision and its files.
    ///
    /// The purpose, such as `go back to`, is part of error messages.
    func revision(_ number: RevisionNumber, to purpose: String) throws -> (RevisionRecord, [ManifestFile]) {
        guard let reader = try openReader(), let last = try reader.revision() else {
            throw CommandError("cannot \(purpose) revision \(number): nothing was ever applied in \(paths.state)")
        }
        let all = try reader.revisions(limit: .max)
        guard let record = all.first(where: { $0.number == number }) else {
            throw CommandError(
                "cannot \(purpose) revision \(number): it does not exist; the last revision is \(last.number)",
                help: "`heroproc history` lists all revisions"
            )
        }
        guard !record.isDown else {
            let previous = all.first { $0.number < number && !$0.isDown }
            throw CommandError(
                "cannot \(purpose) revision \(number): it is a `\(record.summary)` and declares nothing",
                help: previous.map { "the previous revision with manifests is \($0.number)" }
            )
        }
        return (record, try reader.files(of: number))
    }
}

import HeroGit
import HeroKernel
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan

extension Workspace {
    /// Returns the observed state that a plan starts from.
    ///
    /// A directory or a commit as base needs no state directory: none is created and none is read.
    func observeBase(
        _ base: ComparisonBase,
        for desired: DesiredState,
        _ variables: VariableOptions,
        output: Output
    ) throws -> Observed {
        // Core manifests are required in the desired manifests only, not in the base.
        let options = ManifestOptions(requiresCore: false, variables: variables.values, environment: environment)
        switch base {
        case .runtime: return try observe(for: desired)
        case .revision(let number):
            let (record, files) = try revision(number, to: "compare with")
            let recorded = ManifestOptions(requiresCore: false, variables: record.variables)
            var observed = Observed(asDeclared: try decodeManifests(of: files, base, recorded))
            observed.revision = number
            return observed
        case .directory(let path):
            return Observed(asDeclared: try decodeManifests(of: manifestFiles(in: path), base, options))
        case .git(let ref):
            let files = try manifestFiles(at: ref)
            if files.isEmpty {
                output.writeNote("\(displayDirectory) has no manifests at \(ref): every service is new")
            }
            return Observed(asDeclared: try decodeManifests(of: files, base, options))
        }
    }

    /// Reads the manifests of another directory as if they were in the services directory.
    ///
    /// Otherwise every relative path in them would differ.
    private func manifestFiles(in path: String) throws -> [ManifestFile] {
        switch ManifestFiles.read(path) {
        case .unreadable(let reason):
            throw CommandError(
                "cannot compare with dir:\(path): \(reason)",
                help: "specify a directory of manifests: `--against dir:PATH`"
            )
        case .files(let files, skipped: _):
            let folder = ManifestFiles.absoluteDirectory(path)
            return files.map { file in
                var file = file
                if file.baseDirectory.hasPrefix(folder) {
                    file.baseDirectory = directory + file.baseDirectory.dropFirst(folder.count)
                }
                return file
            }
        }
    }

    private func manifestFiles(at ref: String) throws -> [ManifestFile] {
        do {
            return try GitManifestReader(ref, of: displayDirectory, environment: environment).read()
        } catch {
            throw CommandError("cannot compare with git:\(ref): \(error.cause)", help: error.help)
        }
    }

    private func decodeManifests(of files: [ManifestFile], _ base: ComparisonBase, _ options: ManifestOptions) throws
        -> DesiredState
    {
        let result = Manifests.read(files, options: options)
        if let desired = result.desired { return desired }
        throw InvalidBaseError(base: base, diagnostics: result.diagnostics.filter { $0.severity == .error })
    }
}

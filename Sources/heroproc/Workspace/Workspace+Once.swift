import HeroLinux
import HeroManifest
import HeroModel
import HeroStore

extension Workspace {
    /// The history of actions with `once`: the database and the file next to it are copies of each other.
    ///
    /// Without both, the manifests of the last revision show which actions may have run, as at the start of a reconciler.
    func onceHistory(_ reader: StateReader?) throws -> OnceHistory {
        var history = try reader?.onceHistory() ?? OnceHistory()
        if let file = OnceFile.read(nextTo: paths.database) {
            history.merge(file)
            return history
        }
        guard reader == nil, StateStore.hasTraces(nextTo: paths.database) || JobRuntimeFiles.exist(paths) else {
            return history
        }
        let copy = AppliedRevisionFile.read(paths.database)
        let declared = copy.flatMap { copy in
            Manifests.read(
                copy.files,
                options: ManifestOptions(requiresCore: false, variables: copy.revision.variables)
            ).desired
        }
        history.isLost = declared == nil
        for record in history.unknownRecords(of: declared?.services.values.map(\.spec) ?? [], at: now) {
            history.insert(record)
        }
        return history
    }
}

import HeroLinux
import HeroStore

/// Opens the database for writing in this process, when no reconciler is running.
struct InProcessStore {
    let workspace: Workspace

    /// Takes the lock and opens the database.
    ///
    /// Holds the lock until the body returns.
    /// - Throws: `CommandError` when a reconciler was started meanwhile.
    func withStore<Result>(_ body: (StateStore) throws -> Result) throws -> Result {
        let paths = workspace.paths
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        let mode = ReconcilerMode.once.rawValue
        switch try ReconcilerLock.acquire(paths, mode: mode, directory: workspace.directory) {
        case .held(by: let holder):
            throw ReconcilerConnector.lockHeldError(by: holder, workspace)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) { try body(StateStore(path: paths.database)) }
        }
    }
}

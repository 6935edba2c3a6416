import HeroKernel
import HeroLinux
import HeroReconciler
import HeroStore

/// The reconciler in this very process, as the only one of its state directory.
struct InProcessReconciler {
    let workspace: Workspace
    let mode: ReconcilerConnector.ReconcilerMode
    /// Where a keeper waits to hear that the loop turns.
    var heartbeat: Heartbeat?

    /// Takes the lock, opens the machine and the database, and hands the reconciler over.
    ///
    /// The lock is held until the body returns. The order matters: the kernel must be there before any thread is.
    /// - Throws: `Refusal` when another one lives.
    func withReconciler<Result>(
        _ configuration: ReconcilerConfiguration,
        _ body: (Reconciler) throws -> Result
    ) throws -> Result {
        let paths = workspace.paths
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        let attempt = try ReconcilerLock.acquire(paths, mode: mode.rawValue, directory: workspace.directory)
        switch attempt {
        case .held(by: let holder):
            throw ReconcilerConnector.lockHeldError(by: holder, workspace)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) {
                let kernel = try LinuxKernel(paths: paths, environment: workspace.environment, heartbeat: heartbeat)
                defer { kernel.cleanUpRunDirectory() }
                let store = try StateStore.open(path: paths.database, at: workspace.now)
                defer { store.close() }
                var configuration = configuration
                configuration.recreateStateDirectory = { lock.renew() }
                return try body(Reconciler(kernel: kernel, store: store, configuration: configuration))
            }
        }
    }
}

extension ApplySession {
    /// Lets a reconciler of this process make its pass, and reports it.
    func runLocally(_ reconciler: Reconciler) -> ExitCode {
        var refused: ExitCode?
        reconciler.onProgress = { reply in
            switch reply {
            case .refused: refused = self.handleReply(reply)
            case .progress: _ = self.handleReply(reply)
            // The result is reported once, below.
            case .accepted, .done, .cleaned: break
            }
        }
        reconciler.run()
        return refused ?? reportLocalResult(reconciler.result)
    }
}

/// The database in this very process, for writing: where no reconciler lives.
struct InProcessStore {
    let workspace: Workspace

    /// Takes the lock, and opens the database.
    ///
    /// The lock is held until the body returns.
    /// - Throws: `Refusal` when a reconciler came to live meanwhile.
    func withStore<Result>(_ body: (StateStore) throws -> Result) throws -> Result {
        let paths = workspace.paths
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        let mode = ReconcilerConnector.ReconcilerMode.once.rawValue
        switch try ReconcilerLock.acquire(paths, mode: mode, directory: workspace.directory) {
        case .held(by: let holder):
            throw ReconcilerConnector.lockHeldError(by: holder, workspace)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) { try body(StateStore(path: paths.database)) }
        }
    }
}

import HeroKernel
import HeroLinux
import HeroReconciler
import HeroStore

/// The reconciler in this very process, as the only one of its state directory.
struct OwnReconciler {
    let composition: Composition
    let mode: LiveReconciler.Mode
    /// Where a keeper waits to hear that the loop turns.
    var heartbeat: Heartbeat?

    /// Takes the lock, opens the machine and the database, and hands the reconciler over.
    ///
    /// The lock is held until the body returns. The order matters: the kernel must be there before any thread is.
    /// - Throws: `Refusal` when another one lives.
    func with<Result>(
        _ configuration: ReconcilerConfiguration,
        _ body: (Reconciler<LinuxKernel>) throws -> Result
    ) throws -> Result {
        let paths = composition.paths
        try FileSystem.requireSupported(paths, environment: composition.environment)
        let attempt = try ReconcilerLock.acquire(paths, mode: mode.rawValue, directory: composition.directory)
        switch attempt {
        case .held(by: let holder):
            throw LiveReconciler.taken(by: holder, composition)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) {
                let kernel = try LinuxKernel(paths: paths, environment: composition.environment, heartbeat: heartbeat)
                defer { kernel.cleanUpRunDirectory() }
                let store = try StateStore.open(path: paths.database, at: composition.now)
                defer { store.close() }
                var configuration = configuration
                configuration.recreateStateDirectory = { lock.renew() }
                return try body(Reconciler(kernel: kernel, store: store, configuration: configuration))
            }
        }
    }
}

extension Errand {
    /// Lets a reconciler of this process make its pass, and reports it.
    func run(_ reconciler: Reconciler<LinuxKernel>) -> ExitCode {
        var refused: ExitCode?
        reconciler.onProgress = { reply in
            switch reply {
            case .refused: refused = self.take(reply)
            case .progress: _ = self.take(reply)
            // The result is reported once, below.
            case .accepted, .done, .cleaned: break
            }
        }
        reconciler.run()
        return refused ?? finish(reconciler.result)
    }
}

/// The database in this very process, for writing: where no reconciler lives.
struct OwnStore {
    let composition: Composition

    /// Takes the lock, and opens the database.
    ///
    /// The lock is held until the body returns.
    /// - Throws: `Refusal` when a reconciler came to live meanwhile.
    func with<Result>(_ body: (StateStore) throws -> Result) throws -> Result {
        let paths = composition.paths
        try FileSystem.requireSupported(paths, environment: composition.environment)
        let mode = LiveReconciler.Mode.once.rawValue
        switch try ReconcilerLock.acquire(paths, mode: mode, directory: composition.directory) {
        case .held(by: let holder):
            throw LiveReconciler.taken(by: holder, composition)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) { try body(StateStore(path: paths.database)) }
        }
    }
}

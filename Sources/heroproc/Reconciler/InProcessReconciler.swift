import HeroKernel
import HeroLinux
import HeroReconciler
import HeroStore

/// Runs a reconciler in this process, as the only one of its state directory.
struct InProcessReconciler {
    let workspace: Workspace
    let mode: ReconcilerMode
    /// The heartbeat to the monitor, if there is one.
    var heartbeat: Heartbeat?
    /// Reports what this process has inherited from its caller and may not reset.
    var reportInheritedProblem: (String) -> Void = { _ in }

    /// Takes the lock, opens the kernel and the database, and passes the reconciler to the body.
    ///
    /// Holds the lock until the body returns. The kernel comes first because it must block signals before any thread
    /// starts.
    /// - Throws: `CommandError` when another reconciler is running.
    func withReconciler<Result>(
        _ configuration: ReconcilerConfiguration,
        _ body: (Reconciler) throws -> Result
    ) throws -> Result {
        let paths = workspace.paths
        // Before the first file is written: a limit of file sizes must not prevent that.
        try InheritedAttributes.reset().forEach(reportInheritedProblem)
        try FileSystem.requireSupported(paths, environment: workspace.environment)
        try FileDescriptors.requireSufficientLimit()
        let attempt = try ReconcilerLock.acquire(paths, mode: mode.rawValue, directory: workspace.directory)
        switch attempt {
        case .held(by: let holder):
            throw ReconcilerConnector.lockHeldError(by: holder, workspace)
        case .acquired(let lock):
            return try withExtendedLifetime(lock) {
                let kernel = try LinuxKernel(
                    paths: paths,
                    environment: workspace.environment,
                    heartbeat: heartbeat,
                    renewRunLock: { lock.renewRunLock() }
                )
                defer {
                    kernel.sendRemainingReplies()
                    kernel.cleanUpRunDirectory()
                }
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
    /// Runs a pass of a reconciler in this process, and reports the result.
    func runLocally(_ reconciler: Reconciler) -> ExitCode {
        var refused: ExitCode?
        reconciler.onProgress = { reply in
            switch reply {
            case .refused: refused = self.handleReply(reply)
            case .progress: _ = self.handleReply(reply)
            // The result is reported once, after the pass.
            case .accepted, .settling, .done, .cleaned: break
            }
        }
        reconciler.run()
        return refused ?? reportLocalResult(reconciler.result)
    }
}

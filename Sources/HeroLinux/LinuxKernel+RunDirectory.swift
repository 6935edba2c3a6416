import HeroKernel
import HeroModel

extension LinuxKernel {
    /// Creates the run directory again if it was removed, with a new control socket and the records of running starts.
    func checkRunDirectory() {
        guard !runDirectoryWatcher.isIntact else {
            hasReportedLostRunDirectory = false
            if !runDirectoryWatcher.hasEvents { runDirectoryWatcher.checkLater() }
            return
        }
        do throws(LinuxError) {
            try restoreRunDirectory()
            runDirectoryWatcher.watch()
            hasReportedLostRunDirectory = false
            reactor.emit(.runDirectoryLost(.restored))
        } catch {
            runDirectoryWatcher.checkLater()
            guard !hasReportedLostRunDirectory else { return }
            hasReportedLostRunDirectory = true
            reactor.emit(.runDirectoryLost(moveRecords().map { .moved(to: $0) } ?? .failed(error.description)))
        }
    }

    private func restoreRunDirectory() throws(LinuxError) {
        try paths.makeRunDirectories()
        guard renewRunLock() else { throw LinuxError(cannot: "lock \(paths.runLock)", because: "it is in use") }
        copyRecords(to: paths)
        try controlServer.listenAgain()
    }

    /// Copies the records of running starts to the run directory that a new reconciler of this user will use, for
    /// example because the directory of a login session no longer exists.
    ///
    /// - Returns: That directory; nil if there is none but the removed one.
    private func moveRecords() -> String? {
        let next = RuntimePaths.resolve(state: paths.state, environment: environment)
        guard next.run != paths.run else { return nil }
        do throws(LinuxError) { try next.makeRunDirectories() } catch { return nil }
        copyRecords(to: next)
        return next.run
    }

    private func copyRecords(to target: RuntimePaths) {
        for (start, shim) in shimTracker.runningShims {
            RemovedRecord.restore(paths.record(of: start.job), of: shim, at: target.record(of: start.job))
        }
    }
}

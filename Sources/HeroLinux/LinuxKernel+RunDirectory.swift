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
            try paths.makeRunDirectories()
            guard renewRunLock() else { throw LinuxError(cannot: "lock \(paths.runLock)", because: "it is in use") }
            for (start, shim) in shimTracker.runningShims {
                RemovedRecord.restore(paths.record(of: start.job), of: shim)
            }
            try controlServer.listenAgain()
            runDirectoryWatcher.watch()
            hasReportedLostRunDirectory = false
            reactor.emit(.runDirectoryLost(problem: nil))
        } catch {
            runDirectoryWatcher.checkLater()
            guard !hasReportedLostRunDirectory else { return }
            hasReportedLostRunDirectory = true
            reactor.emit(.runDirectoryLost(problem: error.description))
        }
    }
}

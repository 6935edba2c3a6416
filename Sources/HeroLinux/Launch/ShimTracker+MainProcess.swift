import HeroKernel
import HeroModel

/// The replacement of the main process of a start: a daemon that forks, or a process that the program names.
extension ShimTracker {
    /// Watches the main process of a start, if another process may replace it.
    func watchMainProcess(_ start: StartID, _ record: RecordFile) {
        guard record.allowsHandover, let id = idByStart[start], trackedShims[id]?.mainPidfd == nil else {
            return
        }
        trackedShims[id]?.attempts = 0
        guard let found = record.main.flatMap(ProcessTable.open) else { return checkRecordLater(id) }
        trackedShims[id]?.mainPidfd = found.pidfd
        reactor.watch(found.pidfd.number, EventSource(.mainProcess, id))
    }

    /// The main process has ended, and another process may replace it.
    func handleMainExit(_ id: UInt64) {
        unwatchMainProcess(id)
        checkRecordLater(id)
    }

    func unwatchMainProcess(_ id: UInt64) {
        guard let program = trackedShims[id]?.mainPidfd else { return }
        reactor.unwatch(program.number)
        trackedShims[id]?.mainPidfd = nil
    }

    /// Checks whether the shim has recorded a successor of the main process.
    func checkForSuccessor(_ id: UInt64) {
        guard let tracked = trackedShims[id], let report = tracked.startReport, tracked.mainPidfd == nil,
            case .found(let record) = RecordFile.read(paths.record(of: tracked.start.job), job: tracked.start.job),
            record.generation == tracked.start.generation, let successor = record.startReport
        else { return }
        guard !successor.process.isSameProcess(as: report.process) else { return checkRecordLater(id) }
        trackedShims[id]?.startReport = successor
        reactor.emit(.start(tracked.start, .mainProcessReplaced(successor.process)))
        watchMainProcess(tracked.start, record)
    }
}

import HeroKernel
import HeroModel

/// The main process of a start: its replacement, by a daemon that forks or by a process that the program names, and its
/// end before that of its tree.
extension ShimTracker {
    /// Watches the main process of a start, if another process may replace it.
    func watchMainProcess(_ start: StartID, _ record: RecordReader) {
        guard record.allowsHandover, let id = idByStart[start] else { return }
        watchMainProcess(id, record)
    }

    /// Watches the main process of a start; its end is noticed even if its shim does not record it.
    func watchMainProcess(_ id: UInt64, _ record: RecordReader) {
        guard trackedShims[id]?.mainPidfd == nil else { return }
        trackedShims[id]?.attempts = 0
        trackedShims[id]?.mainEndedAt = nil
        guard let found = record.main.flatMap(ProcessTable.open), !found.stat.isDead else { return handleMainExit(id) }
        trackedShims[id]?.mainPidfd = found.pidfd
        reactor.watch(found.pidfd.number, EventSource(.mainProcess, id))
    }

    /// The main process has ended, and another process may replace it.
    func handleMainExit(_ id: UInt64) {
        unwatchMainProcess(id)
        if trackedShims[id]?.mainEndedAt == nil { trackedShims[id]?.mainEndedAt = reactor.now }
        reportAwaitedSuccessor(id)
        checkRecordLater(id)
    }

    /// Reports that the main process has exited and that its PID file must name another one.
    func reportAwaitedSuccessor(_ id: UInt64) {
        guard let tracked = trackedShims[id], tracked.startReport != nil, !tracked.hasReportedMainEnd,
            let record = currentRecord(of: tracked), record.isFromThisMachine, record.awaitsSuccessor
        else { return }
        reactor.emit(.start(tracked.start, .successorAwaited(record.pidFileProblem)))
    }

    /// Reports the end of the main process, once the shim has recorded that it stops the rest of the tree.
    func reportMainEnd(_ id: UInt64) {
        guard let tracked = trackedShims[id], tracked.startReport != nil, !tracked.hasReportedMainEnd,
            let record = currentRecord(of: tracked), record.isFromThisMachine, let report = record.mainEndReport
        else { return }
        trackedShims[id]?.hasReportedMainEnd = true
        reactor.emit(.start(tracked.start, .mainEnded(report)))
    }

    /// The caller reports the end of the main process itself.
    func skipMainEndReport(_ start: StartID) {
        if let id = idByStart[start] { trackedShims[id]?.hasReportedMainEnd = true }
    }

    /// The record of a start; nil if its file belongs to another start or cannot be read.
    func currentRecord(of tracked: TrackedShim) -> RecordReader? {
        guard
            case .found(let record) = RecordReader.read(paths.record(of: tracked.start.job), job: tracked.start.job),
            record.generation == tracked.start.generation
        else { return nil }
        return record
    }

    func unwatchMainProcess(_ id: UInt64) {
        guard let program = trackedShims[id]?.mainPidfd else { return }
        reactor.unwatch(program.number)
        trackedShims[id]?.mainPidfd = nil
    }

    /// Checks whether the shim has recorded a successor of the main process.
    func checkForSuccessor(_ id: UInt64) {
        guard let tracked = trackedShims[id], let report = tracked.startReport, tracked.mainPidfd == nil,
            let record = currentRecord(of: tracked), let successor = record.startReport
        else { return }
        guard !successor.process.isSameProcess(as: report.process) else {
            // The shim has recorded the end and ends the rest of the tree.
            if record.endReport(nil) != nil, !record.allowsHandover { return }
            checkStoppedShim(id)
            return checkRecordLater(id)
        }
        trackedShims[id]?.startReport = successor
        reactor.emit(.start(tracked.start, .mainProcessReplaced(successor.process)))
        watchMainProcess(tracked.start, record)
    }
}

import HeroKernel
import HeroModel

/// The notify state of programs, as their records store it.
extension ShimTracker {
    /// How often a record is read that cannot be watched.
    private static let notifyPollInterval = Duration.milliseconds(250)

    /// Watches the notify state of a start, if its program uses the notify socket.
    func watchNotifyState(_ start: StartID, _ record: RecordReader) {
        // The records of all other programs are not read again.
        guard record.hasNotifySection, let id = idByStart[start], let tracked = trackedShims[id],
            tracked.notifyWatch == nil,
            loadNotifyState(of: start) != nil
        else { return }
        // The watch comes first: an earlier message is in the record already.
        let isWatched = recordWatcher.watchRecord(of: start.job, for: id)
        trackedShims[id]?.notifyWatch = NotifyWatch(isWatched: isWatched, refilledAt: reactor.now)
        readNotifyState(id)
    }

    /// Some records have changed.
    func readChangedRecords() {
        for id in recordWatcher.takeChangedIDs() {
            readNotifyState(id)
            reportMainEnd(id)
            reportAwaitedSuccessor(id)
        }
    }

    /// Reads the notify state of a start and emits an event if it has an important change.
    func readNotifyState(_ id: UInt64) {
        guard let tracked = trackedShims[id], var state = tracked.notifyWatch else { return }
        let now = reactor.now
        let refill = min(5, (now - state.refilledAt).wholeMilliseconds / 1000)
        if refill > 0 {
            state.remainingReports = min(5, state.remainingReports + Int(refill))
            state.refilledAt = now
        }
        if !state.isWatched {
            reactor.setTimer(EventSource(.notifyState, id), at: now + Self.notifyPollInterval)
        }
        if state.remainingReports > 0, let (record, report) = loadNotifyState(of: tracked.start) {
            updateMainProcess(id, record)
            if state.lastReported.map({ $0.hasImportantChange(in: report) }) ?? true {
                state.remainingReports -= 1
                state.lastReported = report
                reactor.emit(.start(tracked.start, .notified(report)))
            }
        } else if state.isWatched {
            reactor.setTimer(EventSource(.notifyState, id), at: state.refilledAt + .seconds(1))
        }
        trackedShims[id]?.notifyWatch = state
    }

    /// Reads the current notify state of a start and emits it as an event.
    ///
    /// - Returns: nil if the program does not use the notify socket, or its state cannot be read.
    @discardableResult
    func refreshNotifyState(_ start: StartID) -> NotifyState? {
        guard let id = idByStart[start], let (record, report) = loadNotifyState(of: start) else { return nil }
        updateMainProcess(id, record)
        trackedShims[id]?.notifyWatch?.lastReported = report
        reactor.emit(.start(start, .notified(report)))
        return report
    }

    /// The program may have named another process as its main process.
    private func updateMainProcess(_ id: UInt64, _ record: RecordReader) {
        guard let tracked = trackedShims[id], let report = tracked.startReport, let successor = record.startReport,
            !successor.process.isSameProcess(as: report.process)
        else { return }
        trackedShims[id]?.startReport = successor
        unwatchMainProcess(id)
        reactor.emit(.start(tracked.start, .mainProcessReplaced(successor.process)))
        watchMainProcess(tracked.start, record)
    }

    private func loadNotifyState(of start: StartID) -> (RecordReader, NotifyState)? {
        let path = paths.record(of: start.job)
        // A record that is being written has a wrong checksum for a moment.
        for _ in 0..<8 {
            let now = reactor.now
            guard case .found(let record) = RecordReader.read(path, job: start.job),
                record.generation == start.generation, record.isFromThisMachine
            else { continue }
            if let report = record.notifyState(asOf: now) { return (record, report) }
            guard record.hasNotifySection else { return nil }
        }
        return nil
    }

    /// Stops watching the notify state.
    func stopWatchingNotifyState(_ id: UInt64) {
        reactor.cancelTimer(EventSource(.notifyState, id))
    }
}

extension NotifyState {
    /// Whether another state has an important change; status texts and watchdog pings are read on demand only.
    fileprivate func hasImportantChange(in other: NotifyState) -> Bool {
        var other = other
        (other.asOf, other.status, other.unreadableMessages) = (asOf, status, unreadableMessages)
        if lastPing != nil, other.lastPing != nil { other.lastPing = lastPing }
        if lastFlood != nil, other.lastFlood != nil { other.lastFlood = lastFlood }
        if unverifiedMessages > 0, other.unverifiedMessages > 0 { other.unverifiedMessages = unverifiedMessages }
        return other != self
    }
}

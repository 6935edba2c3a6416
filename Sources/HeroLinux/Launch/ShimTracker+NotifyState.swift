import HeroKernel
import HeroModel

/// What the programs of starts say of themselves, as it stands in their records.
extension ShimTracker {
    /// How often a record is looked at that has no bell.
    private static let notifyPollInterval = Duration.milliseconds(250)

    /// Follows what the program of a start says, where it may speak.
    func watchNotifyState(_ start: StartID, _ record: RecordFile) {
        // Of those that may not speak no more is read than was.
        guard record.hasNotifySection, let number = idByStart[start], let one = trackedShims[number],
            one.notifyWatch == nil,
            loadNotifyState(of: start) != nil
        else { return }
        // The bell first: what is said before it hangs is there to be read by now.
        let bell = recordWatcher.watchRecord(paths.record(of: start.job), for: number)
        trackedShims[number]?.notifyWatch = NotifyWatch(watch: bell, refilledAt: reactor.now)
        readNotifyState(number)
    }

    /// Some bell rang.
    func readChangedNotifyStates() {
        for number in recordWatcher.takeChangedIDs() { readNotifyState(number) }
    }

    /// Tells what the program of a start has said, if that is news.
    func readNotifyState(_ number: UInt64) {
        guard let one = trackedShims[number], var hearing = one.notifyWatch else { return }
        let now = reactor.now
        let rested = min(5, (now - hearing.refilledAt).wholeMilliseconds / 1000)
        if rested > 0 {
            hearing.remainingReports = min(5, hearing.remainingReports + Int(rested))
            hearing.refilledAt = now
        }
        if hearing.watch == nil {
            reactor.setTimer(EventSource(.notifyState, number), at: now + Self.notifyPollInterval)
        }
        if hearing.remainingReports > 0, let (record, report) = loadNotifyState(of: one.start) {
            updateMainProcess(number, record)
            if hearing.lastReported.map({ $0.isReportable(to: report) }) ?? true {
                hearing.remainingReports -= 1
                hearing.lastReported = report
                reactor.emit(.notified(one.start, report))
            }
        } else if hearing.watch != nil {
            reactor.setTimer(EventSource(.notifyState, number), at: hearing.refilledAt + .seconds(1))
        }
        trackedShims[number]?.notifyWatch = hearing
    }

    /// What the program of a start has said by now, which is also told as an event; nil where it may not speak, or cannot be
    /// read.
    @discardableResult
    func refreshNotifyState(_ start: StartID) -> NotifyState? {
        guard let number = idByStart[start], let (record, report) = loadNotifyState(of: start) else { return nil }
        updateMainProcess(number, record)
        trackedShims[number]?.notifyWatch?.lastReported = report
        reactor.emit(.notified(start, report))
        return report
    }

    /// The program has named another process as its main one.
    private func updateMainProcess(_ number: UInt64, _ record: RecordFile) {
        guard let one = trackedShims[number], let report = one.startReport, let successor = record.startReport,
            !successor.process.isSameProcess(as: report.process)
        else { return }
        trackedShims[number]?.startReport = successor
        unwatchMainProcess(number)
        reactor.emit(.mainProcessReplaced(one.start, successor.process))
        watchMainProcess(one.start, record)
    }

    private func loadNotifyState(of start: StartID) -> (RecordFile, NotifyState)? {
        let path = paths.record(of: start.job)
        // Read while it is written, it has a checksum that is wrong: it is whole a moment later.
        for _ in 0..<8 {
            let now = reactor.now
            guard case .found(let record) = RecordFile.read(path, job: start.job),
                record.generation == start.generation, record.isFromThisMachine
            else { continue }
            if let report = record.notifyState(asOf: now) { return (record, report) }
            guard record.hasNotifySection else { return nil }
        }
        return nil
    }

    /// Nobody listens any more.
    func stopWatchingNotifyState(_ number: UInt64) {
        if let bell = trackedShims[number]?.notifyWatch?.watch { recordWatcher.unwatchRecord(bell) }
        reactor.cancelTimer(EventSource(.notifyState, number))
    }
}

extension NotifyState {
    /// Whether another report says anything that somebody waits for; texts and pings are read when they are wanted.
    fileprivate func isReportable(to other: NotifyState) -> Bool {
        var other = other
        (other.asOf, other.status, other.unreadableMessages) = (asOf, status, unreadableMessages)
        if lastPing != nil, other.lastPing != nil { other.lastPing = lastPing }
        if unverifiedMessages > 0, other.unverifiedMessages > 0 { other.unverifiedMessages = unverifiedMessages }
        return other != self
    }
}

import HeroKernel
import HeroModel

/// What the programs of starts say of themselves, as it stands in their records.
extension Starts {
    /// How often a record is looked at that has no bell.
    private static let listenInterval = Duration.milliseconds(250)

    /// Follows what the program of a start says, where it may speak.
    func followWords(_ start: StartID, _ record: RecordFile) {
        // Of those that may not speak no more is read than was.
        guard record.hasWords, let number = numbers[start], let one = following[number], one.hearing == nil,
            words(of: start) != nil
        else { return }
        // The bell first: what is said before it hangs is there to be read by now.
        let bell = bells.attach(paths.record(of: start.job), for: number)
        following[number]?.hearing = Hearing(bell: bell, since: reactor.now)
        listen(number)
    }

    /// Some bell rang.
    func readWords() {
        for number in bells.rung() { listen(number) }
    }

    /// Tells what the program of a start has said, if that is news.
    func listen(_ number: UInt64) {
        guard let one = following[number], var hearing = one.hearing else { return }
        let now = reactor.now
        let rested = min(5, (now - hearing.since).wholeMilliseconds / 1000)
        if rested > 0 {
            hearing.turns = min(5, hearing.turns + Int(rested))
            hearing.since = now
        }
        if hearing.bell == nil { reactor.setAlarm(Subject(.words, number), at: now + Self.listenInterval) }
        if hearing.turns > 0, let (record, report) = words(of: one.start) {
            changeMain(number, record)
            if hearing.told.map({ $0.isNews(to: report) }) ?? true {
                hearing.turns -= 1
                hearing.told = report
                reactor.emit(.notified(one.start, report))
            }
        } else if hearing.bell != nil {
            reactor.setAlarm(Subject(.words, number), at: hearing.since + .seconds(1))
        }
        following[number]?.hearing = hearing
    }

    /// What the program of a start has said by now, which is also told as an event; nil where it may not speak, or cannot be
    /// read.
    @discardableResult
    func hear(_ start: StartID) -> NotifyState? {
        guard let number = numbers[start], let (record, report) = words(of: start) else { return nil }
        changeMain(number, record)
        following[number]?.hearing?.told = report
        reactor.emit(.notified(start, report))
        return report
    }

    /// The program has named another process as its main one.
    private func changeMain(_ number: UInt64, _ record: RecordFile) {
        guard let one = following[number], let report = one.report, let successor = record.startReport,
            !successor.process.isSameProcess(as: report.process)
        else { return }
        following[number]?.report = successor
        unwatchProgram(number)
        reactor.emit(.mainProcessReplaced(one.start, successor.process))
        watchProgram(one.start, record)
    }

    private func words(of start: StartID) -> (RecordFile, NotifyState)? {
        let path = paths.record(of: start.job)
        // Read while it is written, it has a checksum that is wrong: it is whole a moment later.
        for _ in 0..<8 {
            let now = reactor.now
            guard case .found(let record) = RecordFile.read(path, job: start.job),
                record.generation == start.generation, record.isOfThisMachine
            else { continue }
            if let report = record.selfReport(asOf: now) { return (record, report) }
            guard record.hasWords else { return nil }
        }
        return nil
    }

    /// Nobody listens any more.
    func forgetWords(_ number: UInt64) {
        if let bell = following[number]?.hearing?.bell { bells.detach(bell) }
        reactor.cancelAlarm(Subject(.words, number))
    }
}

extension NotifyState {
    /// Whether another report says anything that somebody waits for; texts and pings are read when they are wanted.
    fileprivate func isNews(to other: NotifyState) -> Bool {
        var other = other
        (other.asOf, other.status, other.unreadableMessages) = (asOf, status, unreadableMessages)
        if lastPing != nil, other.lastPing != nil { other.lastPing = lastPing }
        if unverifiedMessages > 0, other.unverifiedMessages > 0 { other.unverifiedMessages = unverifiedMessages }
        return other != self
    }
}

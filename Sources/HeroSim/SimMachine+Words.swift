import HeroKernel
import HeroModel

/// Programs that say themselves how they are: `READY=1` once, and pings for as long as they are well.
extension SimMachine {
    /// A program says that it is ready.
    func speak(_ key: Int) {
        guard let start = starts[key], start.isProgramAlive, !start.isSick(now) else { return }
        if let execution = start.execution { trace.executions[execution].saidReady = now }
        // Its shim holds what it says; one that was killed tells nobody.
        guard start.hasShim, let words = words(of: start) else { return }
        kernel?.tell(.notified(start.id, words))
    }

    /// A reconciler that was not there hears what was said before it came.
    func repeatWords(of job: JobID) {
        guard let key = records[job], let start = starts[key], start.hasShim, let words = words(of: start) else {
            return
        }
        kernel?.tell(.notified(start.id, words))
    }

    /// Somebody asks what was said.
    func answerInWords(_ id: StartID, _ serial: UInt64, _ asksWhetherReady: Bool) {
        guard let key = records[id.job], let start = starts[key], start.id == id, start.hasShim,
            let words = words(of: start)
        else {
            kernel?.tell(.probeFinished(id, serial: serial, .failed("what it said cannot be read")))
            return
        }
        kernel?.tell(.notified(id, words))
        let isYes = words.isReady || !asksWhetherReady
        kernel?.tell(.probeFinished(id, serial: serial, isYes ? .succeeded : .failed("it has not said READY=1 yet")))
    }

    private func words(of start: Start) -> NotifyState? {
        guard start.order.mayNotify, start.isProgramAlive, let report = start.report else { return nil }
        var words = NotifyState(asOf: now)
        words.watchdog = start.order.watchdog
        guard let execution = start.execution, let ready = trace.executions[execution].saidReady else { return words }
        words.isReady = true
        // It pings all the time, until it does not any more.
        let silence = start.behaviour.sickAfter.map { report.at + $0 }
        words.lastPing = max(ready, min(now, silence ?? now))
        return words
    }
}

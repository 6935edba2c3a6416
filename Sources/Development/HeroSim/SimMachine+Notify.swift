import HeroKernel
import HeroModel

/// Programs that say themselves how they are: `READY=1` once, and pings for as long as they are well.
extension SimMachine {
    /// A program says that it is ready.
    func notifyReady(_ key: Int) {
        guard let start = starts[key], start.isProgramAlive, !start.isHanging(now) else { return }
        if let execution = start.execution { trace.executions[execution].notifiedReadyAt = now }
        // Its shim holds what it says; one that was killed tells nobody.
        guard start.hasShim, let words = notifyState(of: start) else { return }
        kernel?.post(.notified(start.id, words))
    }

    /// A reconciler that was not there hears what was said before it came.
    func repeatNotifyState(of job: JobID) {
        guard let key = records[job], let start = starts[key], start.hasShim, let words = notifyState(of: start) else {
            return
        }
        kernel?.post(.notified(start.id, words))
    }

    /// Somebody asks what was said.
    func finishNotifyProbe(_ id: StartID, _ serial: UInt64, _ asksWhetherReady: Bool) {
        guard let key = records[id.job], let start = starts[key], start.id == id, start.hasShim,
            let words = notifyState(of: start)
        else {
            kernel?.post(.probeFinished(id, serial: serial, .failed("what it said cannot be read")))
            return
        }
        kernel?.post(.notified(id, words))
        let isYes = words.isReady || !asksWhetherReady
        kernel?.post(.probeFinished(id, serial: serial, isYes ? .succeeded : .failed("it has not said READY=1 yet")))
    }

    private func notifyState(of start: Start) -> NotifyState? {
        guard start.request.mayNotify, start.isProgramAlive, let report = start.report else { return nil }
        var words = NotifyState(asOf: now)
        words.watchdog = start.request.watchdog
        guard let execution = start.execution, let ready = trace.executions[execution].notifiedReadyAt else {
            return words
        }
        words.isReady = true
        // It pings all the time, until it does not any more.
        let silence = start.behaviour.hangsAfter.map { report.at + $0 }
        words.lastPing = max(ready, min(now, silence ?? now))
        return words
    }
}

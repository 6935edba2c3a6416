import HeroKernel
import HeroModel

/// Programs that send notify messages: `READY=1` once, and watchdog pings until they hang.
extension SimMachine {
    /// A program sends READY=1.
    func notifyReady(_ key: Int) {
        guard let start = starts[key], start.isProgramAlive, !start.isHanging(now) else { return }
        if let execution = start.execution { trace.executions[execution].notifiedReadyAt = now }
        // The shim stores the state; without a shim the message is lost.
        guard start.hasShim, let state = notifyState(of: start) else { return }
        kernel?.post(.start(start.id, .notified(state)))
    }

    /// A new reconciler gets the notify state that the shim has stored.
    func repeatNotifyState(of job: JobID) {
        guard let key = records[job], let start = starts[key], start.hasShim, let state = notifyState(of: start) else {
            return
        }
        kernel?.post(.start(start.id, .notified(state)))
    }

    /// A probe reads the notify state.
    func finishNotifyProbe(_ id: StartID, _ serial: UInt64, _ requiresReady: Bool) {
        guard let key = records[id.job], let start = starts[key], start.id == id, start.hasShim,
            let state = notifyState(of: start)
        else {
            kernel?.post(.start(id, .probeFinished(serial: serial, .failed("what it said cannot be read"))))
            return
        }
        kernel?.post(.start(id, .notified(state)))
        let isYes = state.isReady || !requiresReady
        kernel?.post(
            .start(id, .probeFinished(serial: serial, isYes ? .succeeded : .failed("it has not said READY=1 yet")))
        )
    }

    private func notifyState(of start: Start) -> NotifyState? {
        guard start.request.mayNotify, start.isProgramAlive, let report = start.report else { return nil }
        var state = NotifyState(asOf: now)
        state.watchdog = start.request.watchdog
        guard let execution = start.execution, let ready = trace.executions[execution].notifiedReadyAt else {
            return state
        }
        state.isReady = true
        // A program that does not hang pings all the time.
        let silence = start.behaviour.hangsAfter.map { report.at + $0 }
        state.lastPing = max(ready, min(now, silence ?? now))
        return state
    }
}

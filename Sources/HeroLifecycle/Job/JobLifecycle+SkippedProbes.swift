internal import HeroModel

extension JobLifecycle {
    /// Handles a probe that could not run, because the machine lacked a descriptor, a pid or memory.
    ///
    /// A skipped probe counts neither as failure nor as success. It runs again after its interval, and failures before
    /// it count (RX-1, RX-2).
    mutating func handleProbeSkipped(_ serial: UInt64, _ reason: String, _ context: Context) -> [JobEffect] {
        let warning = JobEffect.recordEvent(.warning, "its probe was skipped: \(reason)")
        switch phase {
        case .starting(var starting):
            guard starting.serial == serial, starting.nextProbeAt == nil else { return [] }
            let isFirst = !starting.wasLastProbeSkipped
            starting.wasLastProbeSkipped = true
            starting.lastFailure = reason
            let interval = context.action.readinessInterval(afterTry: serial)
            starting.nextProbeAt = context.now + max(interval, .milliseconds(50))
            phase = .starting(starting)
            return isFirst ? [warning] : []
        case .ready(var ready):
            guard ready.probes.serial == serial, let probe = ready.probes.pendingProbe else { return [] }
            ready.probes.pendingProbe = nil
            switch probe {
            case .readiness, .stopCommand, .reloadCommand: break
            case .health: ready.probes.nextHealthProbeAt = context.action.health.map { context.now + $0.interval }
            case .listening:
                ready.probes.nextListenCheckAt =
                    context.action.declaresListeners ? ProbeState.nextListenCheck(context.now) : nil
            }
            let isFirst = !ready.probes.wasLastProbeSkipped
            ready.probes.wasLastProbeSkipped = true
            phase = .ready(ready)
            return (isFirst ? [warning] : []) + startDueProbe(context)
        case .pending, .preparing, .launching, .runningOnce, .stopping, .backingOff, .finished:
            return []
        }
    }
}

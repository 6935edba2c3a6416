import HeroModel

extension JobLifecycle {
    /// The last question could not be asked, because the machine lacked a descriptor, a pid or memory: that says nothing about
    /// the program (reliability.md RX-1, RX-2).
    ///
    /// It is asked again after its interval; a bad answer is neither counted nor forgotten.
    mutating func handleProbeSkipped(_ serial: UInt64, _ reason: String, _ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            guard starting.serial == serial, starting.nextProbeAt == nil else { return [] }
            let isNews = !starting.wasLastProbeSkipped
            starting.wasLastProbeSkipped = true
            starting.lastFailure = reason
            starting.nextProbeAt =
                context.now + max(context.action.readinessInterval(afterTry: serial), .milliseconds(50))
            phase = .starting(starting)
            return isNews ? [Self.probeSkippedEvent(notAsked: reason)] : []
        case .ready(var up):
            guard up.probes.serial == serial, let question = up.probes.pendingProbe else { return [] }
            up.probes.pendingProbe = nil
            switch question {
            case .readiness: break
            case .health: up.probes.nextHealthProbeAt = context.action.health.map { context.now + $0.interval }
            case .listening:
                up.probes.nextListenCheckAt =
                    context.action.declaresListeners ? ProbeState.nextListenCheck(context.now) : nil
            }
            let isNews = !up.probes.wasLastProbeSkipped
            up.probes.wasLastProbeSkipped = true
            phase = .ready(up)
            return (isNews ? [Self.probeSkippedEvent(notAsked: reason)] : []) + startDueProbe(context)
        case .pending, .preparing, .launching, .runningOnce, .stopping, .backingOff, .finished:
            return []
        }
    }

    private static func probeSkippedEvent(notAsked reason: String) -> JobEffect {
        .recordEvent(.warning, "cannot be asked, which is no fault of its own: \(reason)")
    }

    /// What lives on although its tree was killed: named, so that somebody can do something about it (reliability.md TR-2).
    mutating func handleSurvivedKill(_ survivors: [String]) -> [JobEffect] {
        guard case .stopping(var stopping) = phase, stopping.killCount > 1, !survivors.isEmpty else { return [] }
        let names = survivors.joined(separator: ", ")
        guard stopping.survivors != names else { return [] }
        stopping.survivors = names
        phase = .stopping(stopping)
        return [.recordEvent(.error, "still waits for \(names)")]
    }
}

internal import HeroModel

extension JobLifecycle {
    /// A deadline that is handled later than this was missed: the reconciler was stopped, or the machine was
    /// overloaded.
    private static let maxDeadlineDelay = Duration.milliseconds(100)
    /// How much longer a start may take after a missed deadline.
    private static let missedDeadlineGracePeriod = Duration.seconds(5)

    mutating func handleDeadlineReached(_ context: Context) -> [JobEffect] {
        guard let deadline, deadline <= context.now else { return [] }
        let isMissed = context.now - deadline > Self.maxDeadlineDelay
        switch phase {
        case .pending, .finished:
            return []
        case .ready(let ready):
            let isAnnouncementOverdue = ready.announcementDeadline.map { $0 <= context.now } ?? false
            return isAnnouncementOverdue ? handleAnnouncementTimeout(context) : startDueProbe(context)
        case .launching(_, let refusedStarts):
            guard !isMissed else {
                // The program may execute by now: the reconciler reads the record of the start before it decides.
                phase = .launching(
                    until: context.now + Self.missedDeadlineGracePeriod,
                    refusedStarts: refusedStarts
                )
                return []
            }
            let reason = "its program did not execute within \(Canonical.duration(context.action.startTimeout))"
            phase = .stopping(
                Stopping(process: nil, killAt: context.now + context.action.stop.timeout, nextStep: .retry(reason))
            )
            return [.recordEvent(.warning, reason), .killTree(generation: record.generation)]
        case .starting(var starting):
            guard starting.until <= context.now else { return startProbeIfDue(context) }
            guard !isMissed, !starting.wasLastProbeSkipped else {
                // No probe ran at the deadline, so the process may be ready. It gets one more probe before the
                // decision.
                starting.until = context.now + Self.missedDeadlineGracePeriod
                phase = .starting(starting)
                return startProbeIfDue(context)
            }
            let limit = Canonical.duration(context.action.startTimeout)
            let reason = "was not ready within \(limit)" + (starting.lastFailure.map { ": \($0)" } ?? "")
            return [.recordEvent(.warning, "\(reason); stopping it")]
                + stop(starting.process, nextStep: .retry(reason), context)
        case .runningOnce(let process, until: _):
            let limit = context.action.timeout.map(Canonical.duration) ?? ""
            let reason = "ran longer than its timeout of \(limit)"
            return [.recordEvent(.warning, "\(reason); stopping it")]
                + stop(process, nextStep: .retry(reason), context)
        case .stopping(var stopping):
            // Repeated after each further timeout: a kill can be lost together with the shim that had to carry it out.
            stopping.killAt = context.now + max(context.action.stop.timeout, .seconds(1))
            stopping.killCount &+= 1
            phase = .stopping(stopping)
            return killEvents(number: stopping.killCount, stopping.mainEnd, context) + [
                .killTree(generation: record.generation)
            ]
        case .preparing(var preparation):
            preparation.nextCheckAt = nil
            phase = .preparing(preparation)
            return []
        case .backingOff:
            return prepareStart(context)
        }
    }

    /// The events of the first two kills; further kills record none.
    private mutating func killEvents(number: Int, _ mainEnd: MainEnd?, _ context: Context) -> [JobEffect] {
        switch number {
        case 1:
            if mainEnd != nil { return [.recordEvent(.warning, "killing the processes it left behind")] }
            let limit = Canonical.duration(context.action.stop.timeout)
            return [.recordEvent(.warning, "has not ended within \(limit); killing its process tree")]
        case 2:
            let problem = "does not end, although its process tree was killed"
            record.error = problem
            return [.recordEvent(.error, "\(problem); the kill is repeated until it ends")]
        default:
            return []
        }
    }

    /// Names the processes that survived SIGKILL, so that the user can act (TR-2).
    mutating func handleSurvivedKill(_ survivors: [String]) -> [JobEffect] {
        guard case .stopping(var stopping) = phase, stopping.killCount > 1, !survivors.isEmpty else { return [] }
        let names = survivors.joined(separator: ", ")
        guard stopping.survivors != names else { return [] }
        stopping.survivors = names
        phase = .stopping(stopping)
        return [.recordEvent(.error, "still waits for \(names)")]
    }

    /// Extends deadlines after a suspend of the machine: no program can have answered meanwhile (TM-2).
    ///
    /// A job that starts or stops gets its whole time again. A probe that was running is discarded.
    mutating func handleMachineSlept(_ context: Context) -> [JobEffect] {
        switch phase {
        case .launching(let until, let refusedStarts):
            phase = .launching(
                until: max(until, context.now + context.action.startTimeout),
                refusedStarts: refusedStarts
            )
            return []
        case .stopping(var stopping):
            guard stopping.killCount == 0 else { return [] }
            stopping.killAt = max(stopping.killAt, context.now + context.action.stop.timeout)
            phase = .stopping(stopping)
            return []
        case .starting(var starting):
            starting.until = max(starting.until, context.now + context.action.startTimeout)
            guard !starting.awaitsSuccessor else {
                phase = .starting(starting)
                return []
            }
            let isProbing = starting.nextProbeAt == nil
            starting.nextProbeAt = context.now
            phase = .starting(starting)
            return (isProbing ? [.stopProbe] : []) + startProbeIfDue(context)
        case .ready(var ready):
            if ready.announcementDeadline != nil {
                ready.announcementDeadline = context.now + ready.announcementTimeout(context.action)
            }
            guard ready.announcement != .stopping else {
                phase = .ready(ready)
                return []
            }
            let isProbing = ready.probes.pendingProbe != nil
            ready.probes.scheduleProbes(
                context.action,
                executedAt: ready.since,
                notifyState: notifyState,
                isAdopted: false,
                context
            )
            phase = .ready(ready)
            return isProbing ? [.stopProbe] : []
        case .pending, .preparing, .runningOnce, .backingOff, .finished:
            return []
        }
    }
}

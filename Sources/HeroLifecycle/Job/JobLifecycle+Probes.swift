internal import HeroModel

extension JobLifecycle {
    /// Moves the job to `ready`.
    ///
    /// - Parameters:
    ///   - process: The main process.
    ///   - since: Since when it is ready.
    ///   - executedAt: When it began to execute.
    ///   - lastSerial: The number of the last probe of this start.
    ///   - isAdopted: Whether a former reconciler saw it become ready. Its first health probe then starts at a random
    ///     time within the interval, so that the probes of all adopted jobs do not run at the same time.
    ///   - context: The inputs of the transition.
    mutating func becomeReady(
        _ process: ProcessIdentity,
        since: Moment,
        executedAt: Moment,
        lastSerial: UInt64,
        isAdopted: Bool = false,
        _ context: Context
    ) {
        var probes = ProbeState(serial: lastSerial)
        probes.hasListened = context.action.ready == nil
        probes.scheduleProbes(
            context.action,
            executedAt: executedAt,
            notifyState: notifyState,
            isAdopted: isAdopted,
            context
        )
        if isAdopted, context.action.health != nil { probes.isHealthy = record.isHealthy }
        phase = .ready(Ready(process: process, since: since, probes: probes))
    }

    /// Starts the probe that is due.
    mutating func startDueProbe(_ context: Context) -> [JobEffect] {
        guard case .ready(var ready) = phase, ready.probes.pendingProbe == nil else { return [] }
        let probe: ProbeKind
        if let time = ready.probes.nextHealthProbeAt, time <= context.now {
            probe = .health
        } else if let time = ready.probes.nextListenCheckAt, time <= context.now {
            probe = .listening
        } else {
            return []
        }
        ready.probes.serial &+= 1
        ready.probes.pendingProbe = probe
        phase = .ready(ready)
        return [.startProbe(generation: record.generation, serial: ready.probes.serial, probe)]
    }

    mutating func handleProbeResultWhenReady(
        _ serial: UInt64,
        failure: String?,
        _ context: Context
    ) -> [JobEffect] {
        guard case .ready(var ready) = phase, ready.probes.serial == serial, let probe = ready.probes.pendingProbe
        else { return [] }
        ready.probes.pendingProbe = nil
        ready.probes.wasLastProbeSkipped = false
        let effects: [JobEffect]
        switch probe {
        case .readiness, .stopCommand, .reloadCommand:
            return []
        case .health:
            effects = applyHealthResult(&ready, failure, context)
        case .listening:
            effects = applyListenResult(&ready, failure, context)
        }
        // An unhealthy process is in the phase `stopping` by now.
        if case .ready = phase { phase = .ready(ready) }
        return effects + startDueProbe(context)
    }

    private mutating func applyHealthResult(
        _ ready: inout Ready,
        _ failure: String?,
        _ context: Context
    ) -> [JobEffect] {
        guard let probe = context.action.health else {
            ready.probes.nextHealthProbeAt = nil
            return []
        }
        if case .watchdog = probe.check { return checkWatchdog(&ready, failure, context) }
        ready.probes.nextHealthProbeAt = context.now + probe.interval
        guard let failure else {
            ready.probes.failures = 0
            ready.probes.successes &+= 1
            guard ready.probes.isHealthy != true, ready.probes.successes >= probe.successes else { return [] }
            let wasUnhealthy = ready.probes.isHealthy == false
            ready.probes.isHealthy = true
            record.error = ready.probes.degradedReason
            return wasUnhealthy ? [.recordEvent(.info, "is healthy again")] : []
        }
        ready.probes.successes = 0
        ready.probes.failures &+= 1
        if probe.reaction == .report {
            // One event for each change of the state, and none for the failures before it.
            return ready.probes.failures >= probe.failures ? reportUnhealthy(&ready, failure) : []
        }
        ready.probes.isHealthy = false
        record.error = failure
        let count = "\(ready.probes.failures) of \(probe.failures)"
        guard ready.probes.failures >= probe.failures else {
            return [.recordEvent(.warning, "its health probe failed (\(count)): \(failure)")]
        }
        return stopUnhealthy(ready, failure, context)
    }

    /// Records that a process is unhealthy, without any other consequence.
    mutating func reportUnhealthy(_ ready: inout Ready, _ failure: String) -> [JobEffect] {
        let isNew = ready.probes.isHealthy != false
        ready.probes.isHealthy = false
        record.error = failure
        return isNew ? [.recordEvent(.warning, "is not healthy: \(failure)")] : []
    }

    /// Stops an unhealthy process; its restart policy decides what follows.
    mutating func stopUnhealthy(_ ready: Ready, _ failure: String, _ context: Context) -> [JobEffect] {
        // The policy treats this as a crash: after a stable time the attempts count from the beginning.
        if context.now - ready.since >= context.action.retry.stableAfter { record.attempt = 0 }
        let reason = "is not healthy: \(failure)"
        return [.recordEvent(.warning, "\(reason); stopping it")]
            + stop(ready.process, nextStep: .retry(reason), context)
    }

    private mutating func applyListenResult(
        _ ready: inout Ready,
        _ failure: String?,
        _ context: Context
    ) -> [JobEffect] {
        guard context.action.declaresListeners else {
            ready.probes.nextListenCheckAt = nil
            return []
        }
        guard let failure else {
            let wasDegraded = ready.probes.degradedReason != nil
            ready.probes.hasListened = true
            ready.probes.missedListenChecks = 0
            ready.probes.degradedReason = nil
            ready.probes.nextListenCheckAt = ProbeState.nextListenCheck(context.now)
            guard wasDegraded else { return [] }
            record.error = nil
            return [.recordEvent(.info, "listens again on all declared sockets and ports")]
        }
        guard ready.probes.hasListened else {
            ready.probes.nextListenCheckAt = ProbeState.nextListenCheck(context.now)
            return []
        }
        ready.probes.missedListenChecks &+= 1
        ready.probes.nextListenCheckAt = context.now + ProbeState.missedListenCheckInterval
        guard ready.probes.missedListenChecks >= ProbeState.missedChecksUntilDegraded,
            ready.probes.degradedReason == nil
        else { return [] }
        ready.probes.degradedReason = failure
        record.error = failure
        return [.recordEvent(.warning, "is degraded: it is running, but \(failure)")]
    }

    // MARK: Changes in place

    /// Applies an action that was changed in place: its new probes count from now on.
    mutating func handleSpecChanged(_ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            guard context.action.needsReadinessProbe || context.action.waitsForPIDFile else {
                becomeReady(
                    starting.process,
                    since: context.now,
                    executedAt: starting.since,
                    lastSerial: starting.serial,
                    context
                )
                return [.stopProbe]
            }
            starting.until = starting.since + context.action.startTimeout
            if context.action.waitsForPIDFile, starting.nextProbeAt == nil { starting.nextProbeAt = context.now }
            var isProbing = false
            if case .aliveFor(let time) = context.action.ready?.check, !starting.awaitsSuccessor {
                isProbing = starting.nextProbeAt == nil
                starting.nextProbeAt = max(context.now, starting.since + time)
            }
            phase = .starting(starting)
            return isProbing ? [.stopProbe] : []
        case .ready(var ready):
            guard ready.announcement != .stopping else { return [] }
            // The end of a probe would also end the command of a reload; a late result is ignored.
            let isProbing = ready.probes.pendingProbe != nil && ready.reload == nil
            ready.probes.scheduleProbes(
                context.action,
                executedAt: ready.since,
                notifyState: notifyState,
                isAdopted: false,
                context
            )
            if ready.probes.nextHealthProbeAt == nil { ready.probes.isHealthy = nil }
            phase = .ready(ready)
            return isProbing ? [.stopProbe] : []
        case .runningOnce(let process, let until):
            // When it began is not known here, so a timeout that is added counts from now on.
            let timeout = context.action.timeout
            if (until == nil) != (timeout == nil) {
                phase = .runningOnce(process, until: timeout.map { context.now + $0 })
            }
            return []
        case .pending, .preparing, .launching, .stopping, .backingOff, .finished:
            return []
        }
    }

    /// Begins the next attempt now, with the shortest delays again, because an apply requested it.
    mutating func handleRetryRequested(_ context: Context) -> [JobEffect] {
        switch phase {
        case .backingOff:
            record.attempt = 0
            recentTries.removeAll()
            return [.recordEvent(.info, "trying again now because it was applied")] + prepareStart(context)
        case .preparing(var preparation):
            guard preparation.reason != nil, preparation.nextCheckAt != nil else { return [] }
            preparation.refusedStarts = 0
            preparation.nextCheckAt = nil
            phase = .preparing(preparation)
            return []
        case .pending, .launching, .starting, .ready, .runningOnce, .stopping, .finished:
            return []
        }
    }
}

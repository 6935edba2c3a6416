internal import HeroModel

/// Messages of the program to its notify socket (sd_notify(3)).
extension JobLifecycle {
    mutating func handleNotified(_ state: NotifyState, _ context: Context) -> [JobEffect] {
        // After an adoption the first report holds messages that the former reconciler has handled already.
        let before = notifyState ?? state
        notifyState = state
        let warnings = notifyWarnings(before, state)
        switch phase {
        case .starting(let starting):
            let reportsReady = context.action.ready?.check == .notify || context.action.readyDescriptor != nil
            guard state.isReady, reportsReady else { return warnings }
            becomeReady(
                starting.process,
                since: context.now,
                executedAt: starting.since,
                lastSerial: starting.serial,
                context
            )
            record.error = nil
            let duration = Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds))
            return warnings + [.stopProbe, .recordEvent(.info, "ready after \(duration)")]
                + applyNotifyState(state, context)
        case .ready:
            return warnings + applyNotifyState(state, context)
        case .pending, .preparing, .launching, .runningOnce, .stopping, .backingOff, .finished:
            return warnings
        }
    }

    /// The warnings about rejected messages: each rejected `MAINPID`, and the first message of an unverified sender.
    private func notifyWarnings(_ before: NotifyState, _ state: NotifyState) -> [JobEffect] {
        var warnings: [JobEffect] = []
        if state.rejectedMainPIDs > before.rejectedMainPIDs {
            let text =
                state.lastRejectedPID > 0
                ? "ignored MAINPID=\(state.lastRejectedPID): the process is not in its process tree"
                : "ignored a MAINPID that is not a number"
            warnings.append(.recordEvent(.warning, text))
        }
        if state.unverifiedMessages > 0, before.unverifiedMessages == 0 {
            let reason = "its sender is not in the process tree, or exited before that could be checked"
            warnings.append(.recordEvent(.warning, "ignored a message on its NOTIFY_SOCKET: \(reason)"))
        }
        if state.lastFlood != nil, before.lastFlood == nil {
            let text = "its NOTIFY_SOCKET receives more than 2,000 messages per second; they are read with a delay"
            warnings.append(.recordEvent(.warning, "\(text), and the watchdog does not count a missing ping meanwhile"))
        }
        return warnings
    }

    /// Applies the reported state to a process that is ready.
    private mutating func applyNotifyState(_ state: NotifyState, _ context: Context) -> [JobEffect] {
        guard case .ready(var ready) = phase else { return [] }
        var effects: [JobEffect] = []
        if state.hasTriggeredWatchdog, case .watchdog = context.action.health?.check, ready.announcement != .stopping {
            let reason = "it sent WATCHDOG=trigger"
            guard context.action.health?.reaction == .report else { return stopUnhealthy(ready, reason, context) }
            effects += reportUnhealthy(&ready, reason)
        }
        if state.isStopping {
            guard ready.announcement != .stopping else { return effects }
            // The process exits by itself, so no probe runs any more (contract section 3, `health`).
            let isProbing = ready.probes.pendingProbe != nil
            let reason = "it reported that it is stopping"
            ready.probes = ProbeState(
                serial: ready.probes.serial,
                isHealthy: ready.probes.isHealthy,
                degradedReason: reason
            )
            record.error = reason
            effects += (isProbing ? [.stopProbe] : []) + [.recordEvent(.info, "reported that it is stopping")]
            setAnnouncement(.stopping, &ready, context)
        } else {
            if state.isReloading, ready.announcement == nil {
                effects.append(.recordEvent(.info, "reported that it is reloading"))
                setAnnouncement(.reloading, &ready, context)
            } else if !state.isReloading, ready.announcement == .reloading {
                effects.append(.recordEvent(.info, "has reloaded"))
                if record.error == Self.unfinishedReloadError { record.error = nil }
                (ready.announcement, ready.announcementDeadline) = (nil, nil)
            }
            if case .watchdog = context.action.health?.check { ready.probes.updatePings(state) }
        }
        phase = .ready(ready)
        return effects
    }

    private func setAnnouncement(_ announcement: Announcement, _ ready: inout Ready, _ context: Context) {
        ready.announcement = announcement
        ready.announcementDeadline = context.now + ready.announcementTimeout(context.action)
    }

    private static let unfinishedReloadError = "it sent RELOADING=1 and has not sent READY=1 since"

    /// Handles an announced reload or stop that took too long.
    mutating func handleAnnouncementTimeout(_ context: Context) -> [JobEffect] {
        guard case .ready(var ready) = phase, let announcement = ready.announcement else { return [] }
        let limit = Canonical.duration(ready.announcementTimeout(context.action))
        switch announcement {
        case .reloading:
            // The process stays ready: only its health probe may decide to stop it.
            ready.announcementDeadline = nil
            phase = .ready(ready)
            record.error = Self.unfinishedReloadError
            return [.recordEvent(.warning, "has not finished its reload within \(limit)")] + startDueProbe(context)
        case .stopping:
            let reason = "reported that it is stopping, but did not end within \(limit)"
            return [.recordEvent(.warning, "\(reason); stopping it")]
                + stop(ready.process, nextStep: .retry(reason), context)
        }
    }

    // MARK: The watchdog

    /// A watchdog check that is later than this was missed: the reconciler or the machine was stopped meanwhile.
    private static let maxWatchdogCheckDelay = Duration.seconds(5)

    /// Decides by the time of the last ping whether the process is healthy.
    ///
    /// `failure` is the reason why the time of the last ping is unknown.
    mutating func checkWatchdog(_ ready: inout Ready, _ failure: String?, _ context: Context) -> [JobEffect] {
        guard let notifyState, let limit = notifyState.watchdog else {
            ready.probes.nextHealthProbeAt = nil
            return []
        }
        guard failure == nil else {
            ready.probes.nextHealthProbeAt = context.now + .seconds(1)
            return []
        }
        let due = ready.probes.lastPing(notifyState) + limit
        guard notifyState.asOf >= due else {
            ready.probes.nextHealthProbeAt = due
            guard ready.probes.isHealthy == false, !notifyState.hasTriggeredWatchdog else { return [] }
            ready.probes.isHealthy = true
            record.error = ready.probes.degradedReason
            return [.recordEvent(.info, "is healthy again")]
        }
        guard context.now - due <= Self.maxWatchdogCheckDelay else {
            // The process may have been stopped together with the reconciler. It gets a short time to send a ping.
            ready.probes.pingsSince = context.now + Self.maxWatchdogCheckDelay + (.zero - limit)
            ready.probes.nextHealthProbeAt = context.now + Self.maxWatchdogCheckDelay
            return []
        }
        let reason = "it has not sent WATCHDOG=1 for \(Canonical.duration(limit))"
        if context.action.health?.reaction == .report {
            ready.probes.nextHealthProbeAt = context.now + limit
            return reportUnhealthy(&ready, reason)
        }
        ready.probes.isHealthy = false
        return stopUnhealthy(ready, reason, context)
    }
}

extension JobLifecycle.Ready {
    /// How long the announced reload or stop may take.
    func announcementTimeout(_ action: ActionSpec) -> Duration {
        switch announcement {
        case .reloading, nil: action.startTimeout
        case .stopping: action.stop.timeout
        }
    }
}

extension JobLifecycle.ProbeState {
    /// The time of the last ping, or the time from which on pings count, if that is later.
    ///
    /// A ping may have been lost in a flood of messages, so pings count from its end (decision 0024).
    func lastPing(_ state: NotifyState) -> Moment {
        max(pingsSince, state.lastPing ?? pingsSince, state.lastFlood ?? pingsSince)
    }

    /// When the next ping is due; nil if this start has no watchdog.
    func nextPingDeadline(_ state: NotifyState?) -> Moment? {
        guard let state, let limit = state.watchdog else { return nil }
        return lastPing(state) + limit
    }

    /// Applies the last ping and the watchdog interval.
    mutating func updatePings(_ state: NotifyState) {
        nextHealthProbeAt = nextPingDeadline(state)
        if state.lastPing != nil, isHealthy == nil { isHealthy = true }
    }
}

import HeroModel

/// What a program says of itself (sd_notify(3)) moves its job as an answer does that nobody had to ask for.
extension JobLifecycle {
    mutating func handleNotified(_ report: NotifyState, _ context: Context) -> [JobEffect] {
        // What was said to a former reconciler is no news, only a fact.
        let before = notifyState ?? report
        notifyState = report
        let remarks = notifyWarnings(before, report)
        switch phase {
        case .starting(let starting):
            guard report.isReady, context.action.ready?.check == .notify else { return remarks }
            becomeReady(starting.process, since: context.now, begun: starting.since, after: starting.serial, context)
            record.error = nil
            let inWords = Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds))
            return remarks + [.stopProbe, .recordEvent(.info, "ready after \(inWords)")]
                + applyNotifyState(report, context)
        case .ready:
            return remarks + applyNotifyState(report, context)
        case .pending, .preparing, .launching, .runningOnce, .stopping, .backingOff, .finished:
            return remarks
        }
    }

    /// What people should know of, once.
    private func notifyWarnings(_ before: NotifyState, _ report: NotifyState) -> [JobEffect] {
        var notes: [JobEffect] = []
        if report.rejectedMainPIDs > before.rejectedMainPIDs {
            let name = report.lastRejectedPID > 0 ? "MAINPID=\(report.lastRejectedPID)" : "a MAINPID that is no number"
            notes.append(.recordEvent(.warning, "said \(name), which is no process of its tree; it is not believed"))
        }
        if report.unverifiedMessages > 0, before.unverifiedMessages == 0 {
            let who = "somebody who is not of its tree, or was gone before that was known"
            notes.append(.recordEvent(.warning, "\(who), speaks on its NOTIFY_SOCKET; it is not believed"))
        }
        return notes
    }

    /// Does what its words ask for while it is up.
    private mutating func applyNotifyState(_ report: NotifyState, _ context: Context) -> [JobEffect] {
        guard case .ready(var up) = phase else { return [] }
        if report.hasTriggeredWatchdog, case .watchdog = context.action.health?.check, up.announcement != .stopping {
            return stopUnhealthy(up, "it triggered its watchdog itself", context)
        }
        var effects: [JobEffect] = []
        if report.isStopping {
            guard up.announcement != .stopping else { return [] }
            // It goes by itself: whoever asked now how it is would only be in the way (contract section 3, `health`).
            let isAwaiting = up.probes.pendingProbe != nil
            let ending = "it says that it is stopping"
            up.probes = ProbeState(serial: up.probes.serial, isHealthy: up.probes.isHealthy, degradedReason: ending)
            record.error = ending
            effects = (isAwaiting ? [.stopProbe] : []) + [.recordEvent(.info, "says that it is stopping")]
            setAnnouncement(.stopping, &up, context)
        } else {
            if report.isReloading, up.announcement == nil {
                effects.append(.recordEvent(.info, "says that it reloads"))
                setAnnouncement(.reloading, &up, context)
            } else if !report.isReloading, up.announcement == .reloading {
                effects.append(.recordEvent(.info, "has reloaded"))
                if record.error == Self.unfinishedReloadError { record.error = nil }
                (up.announcement, up.announcementDeadline) = (nil, nil)
            }
            if case .watchdog = context.action.health?.check { up.probes.updatePings(report) }
        }
        phase = .ready(up)
        return effects
    }

    private func setAnnouncement(_ announcement: Announcement, _ up: inout Ready, _ context: Context) {
        up.announcement = announcement
        up.announcementDeadline = context.now + up.announcementTimeout(context.action)
    }

    private static let unfinishedReloadError = "it said RELOADING=1, and has not said READY=1 since"

    /// The time for what it announced is over.
    mutating func handleAnnouncementTimeout(_ context: Context) -> [JobEffect] {
        guard case .ready(var up) = phase, let announced = up.announcement else { return [] }
        let limit = Canonical.duration(up.announcementTimeout(context.action))
        switch announced {
        case .reloading:
            // It is up all the same: only its watchdog, or another probe, may judge it.
            up.announcementDeadline = nil
            phase = .ready(up)
            record.error = Self.unfinishedReloadError
            return [.recordEvent(.warning, "has not finished its reload within \(limit)")] + startDueProbe(context)
        case .stopping:
            let reason = "said that it was stopping, and did not end within \(limit)"
            return [.recordEvent(.warning, "\(reason); stopping it")] + stop(up.process, next: .retry(reason), context)
        }
    }

    // MARK: The watchdog

    /// How late a look must be to show that nobody looked meanwhile.
    private static let maxWatchdogCheckDelay = Duration.seconds(5)

    /// Judges by its last ping; `refusal` says why it cannot be known when that was.
    mutating func checkWatchdog(_ up: inout Ready, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard let notifyState, let limit = notifyState.watchdog else {
            up.probes.nextHealthProbeAt = nil
            return []
        }
        guard refusal == nil else {
            up.probes.nextHealthProbeAt = context.now + .seconds(1)
            return []
        }
        let due = up.probes.lastPing(notifyState) + limit
        guard notifyState.asOf >= due else {
            up.probes.nextHealthProbeAt = due
            return []
        }
        guard context.now - due <= Self.maxWatchdogCheckDelay else {
            // Nobody looked for so long that nobody may have run: it gets a moment to show that it does.
            up.probes.pingsSince = context.now + Self.maxWatchdogCheckDelay + (.zero - limit)
            up.probes.nextHealthProbeAt = context.now + Self.maxWatchdogCheckDelay
            return []
        }
        up.probes.isHealthy = false
        return stopUnhealthy(up, "it has not said WATCHDOG=1 for \(Canonical.duration(limit))", context)
    }
}

extension JobLifecycle.Ready {
    /// How long it may take for what it announced.
    func announcementTimeout(_ action: ActionSpec) -> Duration {
        switch announcement {
        case .reloading, nil: action.startTimeout
        case .stopping: action.stop.timeout
        }
    }
}

extension JobLifecycle.ProbeState {
    /// The last ping, or the moment from which on pings count.
    func lastPing(_ words: NotifyState) -> Moment {
        max(pingsSince, words.lastPing ?? pingsSince)
    }

    /// When the next ping must have come; nil where this start has no watchdog.
    func nextPingDeadline(_ words: NotifyState?) -> Moment? {
        guard let words, let limit = words.watchdog else { return nil }
        return lastPing(words) + limit
    }

    /// Takes in when it last pinged, and how often it must.
    mutating func updatePings(_ words: NotifyState) {
        nextHealthProbeAt = nextPingDeadline(words)
        if words.lastPing != nil, isHealthy == nil { isHealthy = true }
    }
}

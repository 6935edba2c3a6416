import HeroModel

/// What a program says of itself (sd_notify(3)) moves its job as an answer does that nobody had to ask for.
extension JobLife {
    mutating func said(_ report: NotifyState, _ context: Context) -> [JobEffect] {
        // What was said to a former reconciler is no news, only a fact.
        let before = words ?? report
        words = report
        let remarks = remarks(before, report)
        switch phase {
        case .starting(let starting):
            guard report.isReady, context.action.ready?.check == .notify else { return remarks }
            becomeUp(starting.process, since: context.now, begun: starting.since, after: starting.serial, context)
            record.error = nil
            let inWords = Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds))
            return remarks + [.stopAsking, .note(.info, "ready after \(inWords)")] + heed(report, context)
        case .up:
            return remarks + heed(report, context)
        case .pending, .clearing, .launching, .working, .stopping, .backingOff, .over:
            return remarks
        }
    }

    /// What people should know of, once.
    private func remarks(_ before: NotifyState, _ report: NotifyState) -> [JobEffect] {
        var notes: [JobEffect] = []
        if report.rejectedMainPIDs > before.rejectedMainPIDs {
            let name = report.lastRejectedPID > 0 ? "MAINPID=\(report.lastRejectedPID)" : "a MAINPID that is no number"
            notes.append(.note(.warning, "said \(name), which is no process of its tree; it is not believed"))
        }
        if report.unverifiedMessages > 0, before.unverifiedMessages == 0 {
            let who = "somebody who is not of its tree, or was gone before that was known"
            notes.append(.note(.warning, "\(who), speaks on its NOTIFY_SOCKET; it is not believed"))
        }
        return notes
    }

    /// Does what its words ask for while it is up.
    private mutating func heed(_ report: NotifyState, _ context: Context) -> [JobEffect] {
        guard case .up(var up) = phase else { return [] }
        if report.hasTriggeredWatchdog, case .watchdog = context.action.health?.check, up.announced != .end {
            return giveUpOn(up, "it triggered its watchdog itself", context)
        }
        var effects: [JobEffect] = []
        if report.isStopping {
            guard up.announced != .end else { return [] }
            // It goes by itself: whoever asked now how it is would only be in the way (contract section 3, `health`).
            let isAwaiting = up.watch.awaited != nil
            let ending = "it says that it is stopping"
            up.watch = Watch(serial: up.watch.serial, isHealthy: up.watch.isHealthy, missing: ending)
            record.error = ending
            effects = (isAwaiting ? [.stopAsking] : []) + [.note(.info, "says that it is stopping")]
            announce(.end, &up, context)
        } else {
            if report.isReloading, up.announced == nil {
                effects.append(.note(.info, "says that it reloads"))
                announce(.reload, &up, context)
            } else if !report.isReloading, up.announced == .reload {
                effects.append(.note(.info, "has reloaded"))
                if record.error == Self.reloadTrouble { record.error = nil }
                (up.announced, up.until) = (nil, nil)
            }
            if case .watchdog = context.action.health?.check { up.watch.heedPings(report) }
        }
        phase = .up(up)
        return effects
    }

    private func announce(_ announcement: Announcement, _ up: inout Up, _ context: Context) {
        up.announced = announcement
        up.until = context.now + up.patience(context.action)
    }

    private static let reloadTrouble = "it said RELOADING=1, and has not said READY=1 since"

    /// The time for what it announced is over.
    mutating func saidAndNotDone(_ context: Context) -> [JobEffect] {
        guard case .up(var up) = phase, let announced = up.announced else { return [] }
        let limit = Canonical.duration(up.patience(context.action))
        switch announced {
        case .reload:
            // It is up all the same: only its watchdog, or another probe, may judge it.
            up.until = nil
            phase = .up(up)
            record.error = Self.reloadTrouble
            return [.note(.warning, "has not finished its reload within \(limit)")] + askAround(context)
        case .end:
            let reason = "said that it was stopping, and did not end within \(limit)"
            return [.note(.warning, "\(reason); stopping it")] + stop(up.process, next: .recover(reason), context)
        }
    }

    // MARK: The watchdog

    /// How late a look must be to show that nobody looked meanwhile.
    private static let lateness = Duration.seconds(5)

    /// Judges by its last ping; `refusal` says why it cannot be known when that was.
    mutating func judgePings(_ up: inout Up, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard let words, let limit = words.watchdog else {
            up.watch.healthAt = nil
            return []
        }
        guard refusal == nil else {
            up.watch.healthAt = context.now + .seconds(1)
            return []
        }
        let due = up.watch.lastPing(words) + limit
        guard words.asOf >= due else {
            up.watch.healthAt = due
            return []
        }
        guard context.now - due <= Self.lateness else {
            // Nobody looked for so long that nobody may have run: it gets a moment to show that it does.
            up.watch.pingsSince = context.now + Self.lateness + (.zero - limit)
            up.watch.healthAt = context.now + Self.lateness
            return []
        }
        up.watch.isHealthy = false
        return giveUpOn(up, "it has not said WATCHDOG=1 for \(Canonical.duration(limit))", context)
    }
}

extension JobLife.Up {
    /// How long it may take for what it announced.
    func patience(_ action: ActionSpec) -> Duration {
        switch announced {
        case .reload, nil: action.startTimeout
        case .end: action.stop.timeout
        }
    }
}

extension JobLife.Watch {
    /// The last ping, or the moment from which on pings count.
    func lastPing(_ words: NotifyState) -> Moment {
        max(pingsSince, words.lastPing ?? pingsSince)
    }

    /// When the next ping must have come; nil where this start has no watchdog.
    func nextPing(_ words: NotifyState?) -> Moment? {
        guard let words, let limit = words.watchdog else { return nil }
        return lastPing(words) + limit
    }

    /// Takes in when it last pinged, and how often it must.
    mutating func heedPings(_ words: NotifyState) {
        healthAt = nextPing(words)
        if words.lastPing != nil, isHealthy == nil { isHealthy = true }
    }
}

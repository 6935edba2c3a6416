public import HeroModel

/// What is asked of a running program.
public enum ProbeKind: Hashable, Sendable {
    /// Is it ready? What `ready` asks, or whether it listens on all it declares.
    case readiness
    /// Is it healthy? What `health` asks.
    case health
    /// Does it still listen on all it declares?
    case listening
}

extension JobLifecycle {
    /// A process that is ready, and is watched.
    public struct Ready: Hashable, Sendable {
        /// The main program.
        public var process: ProcessIdentity
        /// Since when it is ready.
        public var since: Moment
        /// What is asked of it.
        public var probes: ProbeState
        /// What it has announced, and not done yet.
        public var announcement: Announcement?
        /// When it must be done with that.
        public var announcementDeadline: Moment?

        /// When the next question is due, or what it announced.
        var deadline: Moment? {
            guard let announcementDeadline, let next = probes.deadline else {
                return announcementDeadline ?? probes.deadline
            }
            return min(announcementDeadline, next)
        }
    }

    /// What a program that is up says that it is about to do (sd_notify(3)).
    public enum Announcement: Hashable, Sendable {
        /// `RELOADING=1`: it is up all the while, and says `READY=1` when it is done.
        case reloading
        /// `STOPPING=1`: it ends by itself, and is no longer there for others.
        case stopping
    }

    /// Watching a process that is up: one question at a time, and none where nothing is declared.
    public struct ProbeState: Hashable, Sendable {
        /// The number of the last question; a late answer to an earlier one has another.
        public var serial: UInt64
        /// The question whose answer is awaited.
        public var pendingProbe: ProbeKind?
        /// From when on a ping may be asked for: since then it has been up, and somebody looked.
        public var pingsSince = Moment(nanoseconds: 0)
        /// When its health is asked next; nil: nobody asks.
        public var nextHealthProbeAt: Moment?
        /// Bad answers in a row about its health.
        public var failures = 0
        /// Good answers in a row about its health.
        public var successes = 0
        /// What the last answer about its health was; nil: there was none, or nobody asks.
        public var isHealthy: Bool?
        /// When it is looked next whether it listens; nil: it declares nothing.
        public var nextListenCheckAt: Moment?
        /// Whether it was ever seen to listen on all it declares: what was never there is not gone.
        public var hasListened = false
        /// Looks in a row that found something gone.
        public var missedListenChecks = 0
        /// What is gone, in words.
        public var degradedReason: String?
        /// Whether the last question could not be asked.
        public var wasLastProbeSkipped = false

        /// When the next question is due; nil while an answer is awaited.
        var deadline: Moment? {
            guard pendingProbe == nil else { return nil }
            guard let nextHealthProbeAt, let nextListenCheckAt else { return nextHealthProbeAt ?? nextListenCheckAt }
            return min(nextHealthProbeAt, nextListenCheckAt)
        }

        /// Looks happen at the same moments for all jobs, so that one waking and one reading of the kernel's tables do for all.
        static func nextListenCheck(_ now: Moment) -> Moment {
            let period = listenCheckInterval.wholeNanoseconds
            return Moment(nanoseconds: (now.nanoseconds / period &+ 1) &* period)
        }

        private static let listenCheckInterval = Duration.seconds(10)
        /// Time until the next look while something is gone.
        static let missedListenCheckInterval = Duration.seconds(1)
        /// Looks in a row that must agree: a server that opens its listeners anew is not degraded.
        static let missedChecksUntilDegraded = 2
    }

    /// A process becomes ready.
    ///
    /// `begun` says when it executed, `serial` is that of the last question it was asked. One that a former reconciler saw
    /// become ready is asked somewhere within its interval, so that all that are taken up at once are not asked at once.
    mutating func becomeReady(
        _ process: ProcessIdentity,
        since: Moment,
        begun: Moment,
        after serial: UInt64,
        isTakenUp: Bool = false,
        _ context: Context
    ) {
        var watch = ProbeState(serial: serial)
        watch.hasListened = context.action.ready == nil
        watch.scheduleProbes(context.action, begun: begun, words: notifyState, isTakenUp: isTakenUp, context)
        if isTakenUp, context.action.health != nil { watch.isHealthy = record.isHealthy }
        phase = .ready(Ready(process: process, since: since, probes: watch))
    }

    /// Asks what is due.
    mutating func startDueProbe(_ context: Context) -> [JobEffect] {
        guard case .ready(var up) = phase, up.probes.pendingProbe == nil else { return [] }
        let question: ProbeKind
        if let healthAt = up.probes.nextHealthProbeAt, healthAt <= context.now {
            question = .health
        } else if let presenceAt = up.probes.nextListenCheckAt, presenceAt <= context.now {
            question = .listening
        } else {
            return []
        }
        up.probes.serial &+= 1
        up.probes.pendingProbe = question
        phase = .ready(up)
        return [.startProbe(generation: record.generation, serial: up.probes.serial, question)]
    }

    mutating func handleProbeResultWhenReady(_ serial: UInt64, refusal: String?, _ context: Context) -> [JobEffect] {
        guard case .ready(var up) = phase, up.probes.serial == serial, let question = up.probes.pendingProbe else {
            return []
        }
        up.probes.pendingProbe = nil
        up.probes.wasLastProbeSkipped = false
        let effects: [JobEffect]
        switch question {
        case .readiness:
            return []
        case .health:
            effects = applyHealthResult(&up, refusal, context)
        case .listening:
            effects = applyListenResult(&up, refusal, context)
        }
        // An unhealthy one is on its way down by now.
        if case .ready = phase { phase = .ready(up) }
        return effects + startDueProbe(context)
    }

    private mutating func applyHealthResult(_ up: inout Ready, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard let probe = context.action.health else {
            up.probes.nextHealthProbeAt = nil
            return []
        }
        if case .watchdog = probe.check { return checkWatchdog(&up, refusal, context) }
        up.probes.nextHealthProbeAt = context.now + probe.interval
        guard let refusal else {
            up.probes.failures = 0
            up.probes.successes &+= 1
            guard up.probes.isHealthy != true, up.probes.successes >= probe.successes else { return [] }
            let wasUnhealthy = up.probes.isHealthy == false
            up.probes.isHealthy = true
            record.error = up.probes.degradedReason
            return wasUnhealthy ? [.recordEvent(.info, "is healthy again")] : []
        }
        up.probes.successes = 0
        up.probes.failures &+= 1
        up.probes.isHealthy = false
        record.error = refusal
        let count = "\(up.probes.failures) of \(probe.failures)"
        guard up.probes.failures >= probe.failures else {
            return [.recordEvent(.warning, "does not answer its health probe (\(count)): \(refusal)")]
        }
        return stopUnhealthy(up, refusal, context)
    }

    /// Stops what is up and does not work; it is started again as its policy says.
    mutating func stopUnhealthy(_ up: Ready, _ refusal: String, _ context: Context) -> [JobEffect] {
        // It crashed as far as its policy is concerned: one that was up for long has its tries counted from the beginning.
        if context.now - up.since >= context.action.retry.stableAfter { record.attempt = 0 }
        let reason = "is not healthy: \(refusal)"
        return [.recordEvent(.warning, "\(reason); stopping it")] + stop(up.process, next: .retry(reason), context)
    }

    private mutating func applyListenResult(_ up: inout Ready, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard context.action.declaresListeners else {
            up.probes.nextListenCheckAt = nil
            return []
        }
        guard let refusal else {
            let wasMissing = up.probes.degradedReason != nil
            up.probes.hasListened = true
            up.probes.missedListenChecks = 0
            up.probes.degradedReason = nil
            up.probes.nextListenCheckAt = ProbeState.nextListenCheck(context.now)
            guard wasMissing else { return [] }
            record.error = nil
            return [.recordEvent(.info, "listens again on all it declares")]
        }
        guard up.probes.hasListened else {
            up.probes.nextListenCheckAt = ProbeState.nextListenCheck(context.now)
            return []
        }
        up.probes.missedListenChecks &+= 1
        up.probes.nextListenCheckAt = context.now + ProbeState.missedListenCheckInterval
        guard up.probes.missedListenChecks >= ProbeState.missedChecksUntilDegraded, up.probes.degradedReason == nil
        else { return [] }
        up.probes.degradedReason = refusal
        record.error = refusal
        return [.recordEvent(.warning, "is degraded: it lives, but \(refusal)")]
    }

    // MARK: What changes under way

    /// The action was changed in place: what is asked from now on is what it says now.
    mutating func handleSpecChanged(_ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            guard context.action.needsReadinessProbe else {
                becomeReady(
                    starting.process,
                    since: context.now,
                    begun: starting.since,
                    after: starting.serial,
                    context
                )
                return [.stopProbe]
            }
            starting.until = starting.since + context.action.startTimeout
            phase = .starting(starting)
            return []
        case .ready(var up):
            guard up.announcement != .stopping else { return [] }
            let isAwaiting = up.probes.pendingProbe != nil
            up.probes.scheduleProbes(context.action, begun: up.since, words: notifyState, isTakenUp: false, context)
            if up.probes.nextHealthProbeAt == nil { up.probes.isHealthy = nil }
            phase = .ready(up)
            return isAwaiting ? [.stopProbe] : []
        case .pending, .preparing, .launching, .runningOnce, .stopping, .backingOff, .finished:
            return []
        }
    }

    /// The machine was suspended: nobody can have answered meanwhile, and everybody gets one more interval (reliability.md TM-2).
    ///
    /// Nor can anybody have started or ended: what is on its way up or down has its time anew.
    mutating func handleMachineSlept(_ context: Context) -> [JobEffect] {
        switch phase {
        case .launching(let until, let refusals):
            phase = .launching(until: max(until, context.now + context.action.startTimeout), refusedStarts: refusals)
            return []
        case .stopping(var stopping):
            guard stopping.killCount == 0 else { return [] }
            stopping.killAt = max(stopping.killAt, context.now + context.action.stop.timeout)
            phase = .stopping(stopping)
            return []
        case .starting(var starting):
            starting.until = max(starting.until, context.now + context.action.startTimeout)
            let isAwaiting = starting.nextProbeAt == nil
            starting.nextProbeAt = context.now
            phase = .starting(starting)
            return (isAwaiting ? [.stopProbe] : []) + startProbeIfDue(context)
        case .ready(var up):
            // What it announced may take as long as if it had been announced now.
            if up.announcementDeadline != nil {
                up.announcementDeadline = context.now + up.announcementTimeout(context.action)
            }
            guard up.announcement != .stopping else {
                phase = .ready(up)
                return []
            }
            let isAwaiting = up.probes.pendingProbe != nil
            up.probes.scheduleProbes(context.action, begun: up.since, words: notifyState, isTakenUp: false, context)
            phase = .ready(up)
            return isAwaiting ? [.stopProbe] : []
        case .pending, .preparing, .runningOnce, .backingOff, .finished:
            return []
        }
    }

    /// An apply asks for the next try at once, and for a curve that begins anew.
    mutating func handleRetryRequested(_ context: Context) -> [JobEffect] {
        switch phase {
        case .backingOff:
            record.attempt = 0
            return [.recordEvent(.info, "tried again at once: it was applied")] + prepareStart(context)
        case .preparing(var clearing):
            guard clearing.reason != nil, clearing.nextCheckAt != nil else { return [] }
            clearing.refusedStarts = 0
            clearing.nextCheckAt = nil
            phase = .preparing(clearing)
            return []
        case .pending, .launching, .starting, .ready, .runningOnce, .stopping, .finished:
            return []
        }
    }
}

extension JobLifecycle.ProbeState {
    /// Sets the moments of the next questions anew, and forgets what was asked.
    mutating func scheduleProbes(
        _ action: ActionSpec,
        begun: Moment,
        words: NotifyState?,
        isTakenUp: Bool,
        _ context: JobLifecycle.Context
    ) {
        pendingProbe = nil
        failures = 0
        pingsSince = context.now
        nextHealthProbeAt = action.health.flatMap { probe in
            if case .watchdog = probe.check { return nextPingDeadline(words) }
            let wait = isTakenUp ? probe.interval * context.random : probe.interval
            return max(begun + probe.startPeriod, context.now + wait)
        }
        nextListenCheckAt = action.declaresListeners ? Self.nextListenCheck(context.now) : nil
        if !action.declaresListeners { degradedReason = nil }
    }
}

extension ActionSpec {
    /// Whether it declares anything that it listens on.
    var declaresListeners: Bool { !sockets.isEmpty || !tcpPorts.isEmpty }
}

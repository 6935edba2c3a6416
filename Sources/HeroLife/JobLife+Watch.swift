public import HeroModel

/// What is asked of a running program.
public enum JobQuestion: Hashable, Sendable {
    /// Is it ready? What `ready` asks, or whether it listens on all it declares.
    case readiness
    /// Is it healthy? What `health` asks.
    case health
    /// Does it still listen on all it declares?
    case presence
}

extension JobLife {
    /// A process that is ready, and is watched.
    public struct Up: Hashable, Sendable {
        /// The main program.
        public var process: ProcessIdentity
        /// Since when it is ready.
        public var since: Moment
        /// What is asked of it.
        public var watch: Watch
        /// What it has announced, and not done yet.
        public var announced: Announcement?
        /// When it must be done with that.
        public var until: Moment?

        /// When the next question is due, or what it announced.
        var deadline: Moment? {
            guard let until, let next = watch.deadline else { return until ?? watch.deadline }
            return min(until, next)
        }
    }

    /// What a program that is up says that it is about to do (sd_notify(3)).
    public enum Announcement: Hashable, Sendable {
        /// `RELOADING=1`: it is up all the while, and says `READY=1` when it is done.
        case reload
        /// `STOPPING=1`: it ends by itself, and is no longer there for others.
        case end
    }

    /// Watching a process that is up: one question at a time, and none where nothing is declared.
    public struct Watch: Hashable, Sendable {
        /// The number of the last question; a late answer to an earlier one has another.
        public var serial: UInt64
        /// The question whose answer is awaited.
        public var awaited: JobQuestion?
        /// From when on a ping may be asked for: since then it has been up, and somebody looked.
        public var pingsSince = Moment(nanoseconds: 0)
        /// When its health is asked next; nil: nobody asks.
        public var healthAt: Moment?
        /// Bad answers in a row about its health.
        public var failures = 0
        /// Good answers in a row about its health.
        public var successes = 0
        /// What the last answer about its health was; nil: there was none, or nobody asks.
        public var isHealthy: Bool?
        /// When it is looked next whether it listens; nil: it declares nothing.
        public var presenceAt: Moment?
        /// Whether it was ever seen to listen on all it declares: what was never there is not gone.
        public var hasListened = false
        /// Looks in a row that found something gone.
        public var absences = 0
        /// What is gone, in words.
        public var missing: String?
        /// Whether the last question could not be asked.
        public var couldNotBeAsked = false

        /// When the next question is due; nil while an answer is awaited.
        var deadline: Moment? {
            guard awaited == nil else { return nil }
            guard let healthAt, let presenceAt else { return healthAt ?? presenceAt }
            return min(healthAt, presenceAt)
        }

        /// Looks happen at the same moments for all jobs, so that one waking and one reading of the kernel's tables do for all.
        static func nextLook(_ now: Moment) -> Moment {
            let period = presenceInterval.wholeNanoseconds
            return Moment(nanoseconds: (now.nanoseconds / period &+ 1) &* period)
        }

        private static let presenceInterval = Duration.seconds(10)
        /// Time until the next look while something is gone.
        static let absenceInterval = Duration.seconds(1)
        /// Looks in a row that must agree: a server that opens its listeners anew is not degraded.
        static let absencesThatCount = 2
    }

    /// A process becomes ready.
    ///
    /// `begun` says when it executed, `serial` is that of the last question it was asked. One that a former reconciler saw
    /// become ready is asked somewhere within its interval, so that all that are taken up at once are not asked at once.
    mutating func becomeUp(
        _ process: ProcessIdentity,
        since: Moment,
        begun: Moment,
        after serial: UInt64,
        isTakenUp: Bool = false,
        _ context: Context
    ) {
        var watch = Watch(serial: serial)
        watch.hasListened = context.action.ready == nil
        watch.plan(context.action, begun: begun, words: words, isTakenUp: isTakenUp, context)
        if isTakenUp, context.action.health != nil { watch.isHealthy = record.isHealthy }
        phase = .up(Up(process: process, since: since, watch: watch))
    }

    /// Asks what is due.
    mutating func askAround(_ context: Context) -> [JobEffect] {
        guard case .up(var up) = phase, up.watch.awaited == nil else { return [] }
        let question: JobQuestion
        if let healthAt = up.watch.healthAt, healthAt <= context.now {
            question = .health
        } else if let presenceAt = up.watch.presenceAt, presenceAt <= context.now {
            question = .presence
        } else {
            return []
        }
        up.watch.serial &+= 1
        up.watch.awaited = question
        phase = .up(up)
        return [.ask(generation: record.generation, serial: up.watch.serial, question)]
    }

    mutating func answeredWhileUp(_ serial: UInt64, refusal: String?, _ context: Context) -> [JobEffect] {
        guard case .up(var up) = phase, up.watch.serial == serial, let question = up.watch.awaited else { return [] }
        up.watch.awaited = nil
        up.watch.couldNotBeAsked = false
        let effects: [JobEffect]
        switch question {
        case .readiness:
            return []
        case .health:
            effects = judgeHealth(&up, refusal, context)
        case .presence:
            effects = judgePresence(&up, refusal, context)
        }
        // An unhealthy one is on its way down by now.
        if case .up = phase { phase = .up(up) }
        return effects + askAround(context)
    }

    private mutating func judgeHealth(_ up: inout Up, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard let probe = context.action.health else {
            up.watch.healthAt = nil
            return []
        }
        if case .watchdog = probe.check { return judgePings(&up, refusal, context) }
        up.watch.healthAt = context.now + probe.interval
        guard let refusal else {
            up.watch.failures = 0
            up.watch.successes &+= 1
            guard up.watch.isHealthy != true, up.watch.successes >= probe.successes else { return [] }
            let wasUnhealthy = up.watch.isHealthy == false
            up.watch.isHealthy = true
            record.error = up.watch.missing
            return wasUnhealthy ? [.note(.info, "is healthy again")] : []
        }
        up.watch.successes = 0
        up.watch.failures &+= 1
        up.watch.isHealthy = false
        record.error = refusal
        let count = "\(up.watch.failures) of \(probe.failures)"
        guard up.watch.failures >= probe.failures else {
            return [.note(.warning, "does not answer its health probe (\(count)): \(refusal)")]
        }
        return giveUpOn(up, refusal, context)
    }

    /// Stops what is up and does not work; it is started again as its policy says.
    mutating func giveUpOn(_ up: Up, _ refusal: String, _ context: Context) -> [JobEffect] {
        // It crashed as far as its policy is concerned: one that was up for long has its tries counted from the beginning.
        if context.now - up.since >= context.action.retry.stableAfter { record.attempt = 0 }
        let reason = "is not healthy: \(refusal)"
        return [.note(.warning, "\(reason); stopping it")] + stop(up.process, next: .recover(reason), context)
    }

    private mutating func judgePresence(_ up: inout Up, _ refusal: String?, _ context: Context) -> [JobEffect] {
        guard context.action.bindsSomething else {
            up.watch.presenceAt = nil
            return []
        }
        guard let refusal else {
            let wasMissing = up.watch.missing != nil
            up.watch.hasListened = true
            up.watch.absences = 0
            up.watch.missing = nil
            up.watch.presenceAt = Watch.nextLook(context.now)
            guard wasMissing else { return [] }
            record.error = nil
            return [.note(.info, "listens again on all it declares")]
        }
        guard up.watch.hasListened else {
            up.watch.presenceAt = Watch.nextLook(context.now)
            return []
        }
        up.watch.absences &+= 1
        up.watch.presenceAt = context.now + Watch.absenceInterval
        guard up.watch.absences >= Watch.absencesThatCount, up.watch.missing == nil else { return [] }
        up.watch.missing = refusal
        record.error = refusal
        return [.note(.warning, "is degraded: it lives, but \(refusal)")]
    }

    // MARK: What changes under way

    /// The action was changed in place: what is asked from now on is what it says now.
    mutating func revised(_ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            guard context.action.mustBecomeReady else {
                becomeUp(
                    starting.process,
                    since: context.now,
                    begun: starting.since,
                    after: starting.serial,
                    context
                )
                return [.stopAsking]
            }
            starting.until = starting.since + context.action.startTimeout
            phase = .starting(starting)
            return []
        case .up(var up):
            guard up.announced != .end else { return [] }
            let isAwaiting = up.watch.awaited != nil
            up.watch.plan(context.action, begun: up.since, words: words, isTakenUp: false, context)
            if up.watch.healthAt == nil { up.watch.isHealthy = nil }
            phase = .up(up)
            return isAwaiting ? [.stopAsking] : []
        case .pending, .clearing, .launching, .working, .stopping, .backingOff, .over:
            return []
        }
    }

    /// The machine was suspended: nobody can have answered meanwhile, and everybody gets one more interval (reliability.md TM-2).
    ///
    /// Nor can anybody have started or ended: what is on its way up or down has its time anew.
    mutating func machineSlept(_ context: Context) -> [JobEffect] {
        switch phase {
        case .launching(let until, let refusals):
            phase = .launching(until: max(until, context.now + context.action.startTimeout), refusals: refusals)
            return []
        case .stopping(var stopping):
            guard stopping.kills == 0 else { return [] }
            stopping.killAt = max(stopping.killAt, context.now + context.action.stop.timeout)
            phase = .stopping(stopping)
            return []
        case .starting(var starting):
            starting.until = max(starting.until, context.now + context.action.startTimeout)
            let isAwaiting = starting.askAt == nil
            starting.askAt = context.now
            phase = .starting(starting)
            return (isAwaiting ? [.stopAsking] : []) + askIfDue(context)
        case .up(var up):
            // What it announced may take as long as if it had been announced now.
            if up.until != nil { up.until = context.now + up.patience(context.action) }
            guard up.announced != .end else {
                phase = .up(up)
                return []
            }
            let isAwaiting = up.watch.awaited != nil
            up.watch.plan(context.action, begun: up.since, words: words, isTakenUp: false, context)
            phase = .up(up)
            return isAwaiting ? [.stopAsking] : []
        case .pending, .clearing, .working, .backingOff, .over:
            return []
        }
    }

    /// An apply asks for the next try at once, and for a curve that begins anew.
    mutating func hurried(_ context: Context) -> [JobEffect] {
        switch phase {
        case .backingOff:
            record.attempt = 0
            return [.note(.info, "tried again at once: it was applied")] + approach(context)
        case .clearing(var clearing):
            guard clearing.reason != nil, clearing.lookAt != nil else { return [] }
            clearing.refusals = 0
            clearing.lookAt = nil
            phase = .clearing(clearing)
            return []
        case .pending, .launching, .starting, .up, .working, .stopping, .over:
            return []
        }
    }
}

extension JobLife.Watch {
    /// Sets the moments of the next questions anew, and forgets what was asked.
    mutating func plan(
        _ action: ActionSpec,
        begun: Moment,
        words: NotifyState?,
        isTakenUp: Bool,
        _ context: JobLife.Context
    ) {
        awaited = nil
        failures = 0
        pingsSince = context.now
        healthAt = action.health.flatMap { probe in
            if case .watchdog = probe.check { return nextPing(words) }
            let wait = isTakenUp ? probe.interval * context.random : probe.interval
            return max(begun + probe.startPeriod, context.now + wait)
        }
        presenceAt = action.bindsSomething ? Self.nextLook(context.now) : nil
        if !action.bindsSomething { missing = nil }
    }
}

extension ActionSpec {
    /// Whether it declares anything that it listens on.
    var bindsSomething: Bool { !sockets.isEmpty || !tcpPorts.isEmpty }
}

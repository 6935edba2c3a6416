public import HeroModel

extension JobLife {
    /// What a transition may know of the world besides the event.
    public struct Context: Hashable, Sendable {
        /// The action as it is declared now; changes that take effect in place are seen at the next use.
        public var action: ActionSpec
        /// The boot clock.
        public var now: Moment
        /// The calendar.
        public var time: WallTime
        /// The boot that deadlines belong to.
        public var bootID: String
        /// From 0 to 1, for jitter.
        public var random: Double

        /// Makes a context.
        public init(action: ActionSpec, now: Moment, time: WallTime, bootID: String, random: Double) {
            self.action = action
            self.now = now
            self.time = time
            self.bootID = bootID
            self.random = random
        }
    }

    /// Moves by one event and says what must be done about it.
    public mutating func handle(_ event: JobEvent, _ context: Context) -> [JobEffect] {
        let effects = transition(event, context)
        publish(context)
        return effects
    }

    private mutating func transition(_ event: JobEvent, _ context: Context) -> [JobEffect] {
        switch event {
        case .orderedUp: orderedUp(context)
        case .orderedDown: orderedDown(context)
        case .saw(let obstacles): saw(obstacles, context)
        case .calledOff(let generation):
            generation == record.generation ? calledOff(context) : []
        case .started(let generation, let process, let at, let time):
            generation == record.generation ? started(process, at: at, time: time, context) : []
        case .handedOver(let generation, let process):
            generation == record.generation ? handedOver(process, context) : []
        case .said(let generation, let report):
            generation == record.generation ? said(report, context) : []
        case .ended(let generation, let outcome, let executed, let time):
            generation == record.generation ? ended(outcome, executed: executed, time: time, context) : []
        case .orphaned(let generation, let process, let at, let time):
            generation == record.generation ? orphaned(process, at: at, time: time, context) : []
        case .answeredYes(let generation, let serial):
            generation == record.generation ? answered(serial, refusal: nil, context) : []
        case .answeredNo(let generation, let serial, let reason):
            generation == record.generation ? answered(serial, refusal: reason, context) : []
        case .notAsked(let generation, let serial, let reason):
            generation == record.generation ? notAsked(serial, reason, context) : []
        case .outlived(let generation, let survivors):
            generation == record.generation ? outlived(survivors) : []
        case .revised: revised(context)
        case .machineSlept: machineSlept(context)
        case .hurried: hurried(context)
        case .woke: woke(context)
        }
    }

    // MARK: Orders

    private mutating func orderedUp(_ context: Context) -> [JobEffect] {
        switch phase {
        case .pending: approach(context)
        case .clearing, .launching, .starting, .up, .working, .stopping, .backingOff, .over: []
        }
    }

    private mutating func orderedDown(_ context: Context) -> [JobEffect] {
        switch phase {
        case .pending:
            phase = .over(.cancelled)
            return []
        case .clearing, .backingOff:
            phase = .over(.cancelled)
            return [.forget]
        case .launching:
            phase = .stopping(
                Stopping(process: nil, killAt: context.now + context.action.stop.timeout, next: .rest)
            )
            return []
        case .starting(let starting):
            return stop(starting.process, next: .rest, context)
        case .up(let up):
            return stop(up.process, next: .rest, context)
        case .working(let process, until: _):
            return stop(process, next: .rest, context)
        case .stopping(var stopping):
            stopping.next = .rest
            phase = .stopping(stopping)
            return []
        case .over:
            return []
        }
    }

    mutating func launch(after refusals: Int = 0, _ context: Context) -> [JobEffect] {
        record.attempt &+= 1
        record.generation &+= 1
        record.process = nil
        record.error = nil
        words = NotifyState(asOf: context.now)
        phase = .launching(until: context.now + context.action.startTimeout, refusals: refusals)
        return [.launch(generation: record.generation)]
    }

    mutating func stop(_ process: ProcessIdentity, next: Stopping.Next, _ context: Context) -> [JobEffect] {
        phase = .stopping(Stopping(process: process, killAt: context.now + context.action.stop.timeout, next: next))
        return [.stopAsking, .signal(process, context.action.stop.signal)]
    }

    private mutating func calledOff(_ context: Context) -> [JobEffect] {
        switch phase {
        case .stopping(let stopping):
            guard stopping.process == nil else { return [] }
            switch stopping.next {
            case .rest:
                phase = .over(.cancelled)
                return [.note(.info, "stopped before it was started"), .forget]
            case .recover(let reason):
                return recover(reason, upSince: nil, context)
            }
        case .pending, .clearing, .launching, .starting, .up, .working, .backingOff, .over:
            return []
        }
    }

    // MARK: What the kernel says

    private mutating func started(
        _ process: ProcessIdentity,
        at moment: Moment,
        time: WallTime,
        _ context: Context
    ) -> [JobEffect] {
        switch phase {
        case .launching:
            countExecution(process, time)
            return began(process, at: moment, context)
        case .stopping(var stopping):
            guard stopping.process == nil else { return [] }
            countExecution(process, time)
            stopping.process = process
            phase = .stopping(stopping)
            return [.signal(process, context.action.stop.signal)]
        case .pending, .clearing, .starting, .up, .working, .backingOff, .over:
            return []
        }
    }

    /// A program that executes takes the phase its kind asks for.
    mutating func began(_ process: ProcessIdentity, at moment: Moment, _ context: Context) -> [JobEffect] {
        let action = context.action
        guard action.isProcess else {
            phase = .working(process, until: action.timeout.map { moment + $0 })
            return [.note(.info, "started (pid \(process.pid))")]
        }
        guard action.mustBecomeReady else {
            becomeUp(process, since: moment, begun: moment, after: 0, context)
            return [.note(.info, "running (pid \(process.pid))")]
        }
        phase = .starting(
            Starting(
                process: process,
                since: moment,
                until: moment + action.startTimeout,
                askAt: moment + (action.ready?.startPeriod ?? .zero),
                serial: 0,
                successes: 0
            )
        )
        return [.note(.info, "started (pid \(process.pid))")] + askIfDue(context)
    }

    private mutating func orphaned(
        _ process: ProcessIdentity,
        at moment: Moment,
        time: WallTime,
        _ context: Context
    ) -> [JobEffect] {
        let loss = "its shim was killed"
        switch phase {
        case .launching:
            countExecution(process, time)
            return [.note(.warning, "\(loss); ending its program")] + stop(process, next: .recover(loss), context)
        case .starting, .up, .working:
            return [.note(.warning, "\(loss); ending its program")] + stop(process, next: .recover(loss), context)
        case .stopping(var stopping):
            if stopping.process == nil { countExecution(process, time) }
            stopping.process = process
            phase = .stopping(stopping)
            return [.signal(process, context.action.stop.signal)]
        case .pending, .clearing, .backingOff, .over:
            return []
        }
    }

    private mutating func ended(
        _ outcome: Outcome,
        executed: Bool,
        time: WallTime?,
        _ context: Context
    ) -> [JobEffect] {
        let upSince: Moment?
        let trouble: String?
        switch phase {
        case .pending, .clearing, .backingOff, .over: return []
        case .launching(until: _, refusals: let refusals):
            if case .startFailed(let failure) = outcome, failure.isTransient, !executed {
                return lackedRoom(outcome, refusals, context)
            }
            (upSince, trouble) = (nil, nil)
        case .starting(let starting): (upSince, trouble) = (starting.since, "ended before it was ready: \(outcome)")
        case .up(let up): (upSince, trouble) = (up.since, nil)
        case .working: (upSince, trouble) = (nil, nil)
        case .stopping(let stopping):
            settleExecution(executed, time)
            record.outcome = outcome
            record.finishedAt = time ?? context.time
            switch stopping.next {
            case .rest:
                if stopping.kills > 1 { record.error = nil }
                phase = .over(.cancelled)
                return [.stopAsking, .note(.info, "stopped (\(outcome))"), .forget]
            case .recover(let reason):
                return [.stopAsking] + recover(reason, upSince: nil, context)
            }
        }
        settleExecution(executed, time)
        record.outcome = outcome
        record.finishedAt = time ?? context.time
        let isSuccess = outcome.isSuccess(codes: context.action.successExitCodes)
        if isSuccess, !context.action.isProcess || context.action.restart != .always {
            record.error = nil
            phase = .over(.succeeded)
            return [.stopAsking, .note(.info, "succeeded"), .forget]
        }
        return [.stopAsking] + recover(trouble ?? "\(outcome)", upSince: upSince, context)
    }

    /// After an end that was not ordered: the next try, now or later, or giving up.
    private mutating func recover(_ reason: String, upSince: Moment?, _ context: Context) -> [JobEffect] {
        let retry = context.action.retry
        record.error = reason
        if let upSince, context.now - upSince >= retry.stableAfter { record.attempt = 0 }
        let isSpent = retry.maxAttempts > 0 && record.attempt >= retry.maxAttempts
        guard context.action.restart != .never, !isSpent else {
            phase = .over(.failed)
            let tries = record.attempt == 1 ? "1 attempt" : "\(record.attempt) attempts"
            return [.note(.error, "failed after \(tries): \(reason)"), .forget]
        }
        let delay = retry.delay(afterAttempt: record.attempt, random: context.random)
        guard delay > .zero else {
            return [.note(.warning, "\(reason); starting it again")] + approach(context)
        }
        phase = .backingOff(until: context.now + delay)
        let inWords = Canonical.duration(.milliseconds(max(1, delay.wholeMilliseconds)))
        return [.note(.warning, "\(reason); next try in \(inWords)")]
    }

    /// The machine had no room for a start: that is nobody's crash, so neither the tries nor the restarts count it (reliability.md
    /// RS-4).
    private mutating func lackedRoom(_ outcome: Outcome, _ refusals: Int, _ context: Context) -> [JobEffect] {
        record.attempt = max(0, record.attempt - 1)
        record.outcome = outcome
        let delay = context.action.retry.delay(afterAttempt: refusals &+ 1, random: context.random)
        var clearing = Clearing()
        clearing.refusals = refusals &+ 1
        clearing.lookAt = context.now + max(delay, .milliseconds(50))
        clearing.reason = "\(outcome)"
        record.error = clearing.reason
        phase = .clearing(clearing)
        return refusals == 0 ? [.note(.warning, "cannot start yet: \(outcome)")] : []
    }

    // MARK: Time

    /// How late a waking must be to show that nobody looked meanwhile: the reconciler was stopped, or the machine had no time for it.
    private static let lateness = Duration.milliseconds(100)
    /// How much longer a start gets when nobody looked at the end of its time.
    private static let grace = Duration.seconds(5)

    private mutating func woke(_ context: Context) -> [JobEffect] {
        guard let deadline, deadline <= context.now else { return [] }
        let isLate = context.now - deadline > Self.lateness
        switch phase {
        case .pending, .over:
            return []
        case .up(let up):
            return (up.until.map { $0 <= context.now } ?? false) ? saidAndNotDone(context) : askAround(context)
        case .launching(_, let refusals):
            guard !isLate else {
                // Its program may well execute by now; that is taken in before anything is judged.
                phase = .launching(until: context.now + Self.grace, refusals: refusals)
                return []
            }
            let reason = "its program did not execute within \(Canonical.duration(context.action.startTimeout))"
            phase = .stopping(
                Stopping(process: nil, killAt: context.now + context.action.stop.timeout, next: .recover(reason))
            )
            return [.note(.warning, reason), .killTree(generation: record.generation)]
        case .starting(var starting):
            guard starting.until <= context.now else { return askIfDue(context) }
            guard !isLate, !starting.couldNotBeAsked else {
                // Nobody looked, or could look, when its time was over: it may well be ready, so it is asked once more
                // before it is judged.
                starting.until = context.now + Self.grace
                phase = .starting(starting)
                return askIfDue(context)
            }
            let limit = Canonical.duration(context.action.startTimeout)
            let reason = "was not ready within \(limit)" + (starting.reason.map { ": \($0)" } ?? "")
            return [.note(.warning, "\(reason); stopping it")] + stop(starting.process, next: .recover(reason), context)
        case .working(let process, until: _):
            let limit = context.action.timeout.map(Canonical.duration) ?? ""
            let reason = "ran longer than its timeout of \(limit)"
            return [.note(.warning, "\(reason); stopping it")] + stop(process, next: .recover(reason), context)
        case .stopping(var stopping):
            // Asked again after each further timeout: a kill can be lost with the shim that was to do it.
            stopping.killAt = context.now + max(context.action.stop.timeout, .seconds(1))
            stopping.kills &+= 1
            phase = .stopping(stopping)
            return notes(ofKill: stopping.kills, context) + [.killTree(generation: record.generation)]
        case .clearing(var clearing):
            clearing.lookAt = nil
            phase = .clearing(clearing)
            return []
        case .backingOff:
            return approach(context)
        }
    }

    /// What is said of the first kills; that the same goes on is no news.
    private mutating func notes(ofKill number: Int, _ context: Context) -> [JobEffect] {
        switch number {
        case 1:
            let limit = Canonical.duration(context.action.stop.timeout)
            return [.note(.warning, "has not ended within \(limit); killing its tree")]
        case 2:
            let trouble = "does not end, although its tree was killed"
            record.error = trouble
            return [.note(.error, "\(trouble); it is killed again and again until it ends")]
        default:
            return []
        }
    }
}

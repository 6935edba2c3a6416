public import HeroModel

extension JobLifecycle {
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
        updateRecord(context)
        return effects
    }

    private mutating func transition(_ event: JobEvent, _ context: Context) -> [JobEffect] {
        switch event {
        case .startRequested: handleStartRequested(context)
        case .stopRequested: handleStopRequested(context)
        case .blockersChecked(let obstacles): handleBlockersChecked(obstacles, context)
        case .launchCancelled(let generation):
            generation == record.generation ? handleLaunchCancelled(context) : []
        case .started(let generation, let process, let at, let time):
            generation == record.generation ? handleStarted(process, at: at, time: time, context) : []
        case .mainProcessReplaced(let generation, let process):
            generation == record.generation ? handleMainProcessReplaced(process, context) : []
        case .notified(let generation, let report):
            generation == record.generation ? handleNotified(report, context) : []
        case .ended(let generation, let outcome, let executed, let time):
            generation == record.generation ? handleEnded(outcome, executed: executed, time: time, context) : []
        case .shimLost(let generation, let process, let at, let time):
            generation == record.generation ? handleShimLost(process, at: at, time: time, context) : []
        case .probeSucceeded(let generation, let serial):
            generation == record.generation ? handleProbeResult(serial, refusal: nil, context) : []
        case .probeFailed(let generation, let serial, let reason):
            generation == record.generation ? handleProbeResult(serial, refusal: reason, context) : []
        case .probeSkipped(let generation, let serial, let reason):
            generation == record.generation ? handleProbeSkipped(serial, reason, context) : []
        case .survivedKill(let generation, let survivors):
            generation == record.generation ? handleSurvivedKill(survivors) : []
        case .specChanged: handleSpecChanged(context)
        case .machineSlept: handleMachineSlept(context)
        case .retryRequested: handleRetryRequested(context)
        case .deadlineReached: handleDeadlineReached(context)
        }
    }

    // MARK: Orders

    private mutating func handleStartRequested(_ context: Context) -> [JobEffect] {
        switch phase {
        case .pending: prepareStart(context)
        case .preparing, .launching, .starting, .ready, .runningOnce, .stopping, .backingOff, .finished: []
        }
    }

    private mutating func handleStopRequested(_ context: Context) -> [JobEffect] {
        switch phase {
        case .pending:
            phase = .finished(.cancelled)
            return []
        case .preparing, .backingOff:
            phase = .finished(.cancelled)
            return [.removeRuntimeFiles]
        case .launching:
            phase = .stopping(
                Stopping(process: nil, killAt: context.now + context.action.stop.timeout, nextStep: .finish)
            )
            return []
        case .starting(let starting):
            return stop(starting.process, next: .finish, context)
        case .ready(let up):
            return stop(up.process, next: .finish, context)
        case .runningOnce(let process, until: _):
            return stop(process, next: .finish, context)
        case .stopping(var stopping):
            stopping.nextStep = .finish
            phase = .stopping(stopping)
            return []
        case .finished:
            return []
        }
    }

    mutating func launch(after refusals: Int = 0, _ context: Context) -> [JobEffect] {
        record.attempt &+= 1
        record.generation &+= 1
        record.process = nil
        record.error = nil
        notifyState = NotifyState(asOf: context.now)
        phase = .launching(until: context.now + context.action.startTimeout, refusedStarts: refusals)
        return [.launch(generation: record.generation)]
    }

    mutating func stop(_ process: ProcessIdentity, next: Stopping.NextStep, _ context: Context) -> [JobEffect] {
        phase = .stopping(Stopping(process: process, killAt: context.now + context.action.stop.timeout, nextStep: next))
        return [.stopProbe, .signal(process, context.action.stop.signal)]
    }

    private mutating func handleLaunchCancelled(_ context: Context) -> [JobEffect] {
        switch phase {
        case .stopping(let stopping):
            guard stopping.process == nil else { return [] }
            switch stopping.nextStep {
            case .finish:
                phase = .finished(.cancelled)
                return [.recordEvent(.info, "stopped before it was started"), .removeRuntimeFiles]
            case .retry(let reason):
                return retryOrFail(reason, upSince: nil, context)
            }
        case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .backingOff, .finished:
            return []
        }
    }

    // MARK: What the kernel says

    private mutating func handleStarted(
        _ process: ProcessIdentity,
        at moment: Moment,
        time: WallTime,
        _ context: Context
    ) -> [JobEffect] {
        switch phase {
        case .launching:
            countExecution(process, time)
            return enterExecutingPhase(process, at: moment, context)
        case .stopping(var stopping):
            guard stopping.process == nil else { return [] }
            countExecution(process, time)
            stopping.process = process
            phase = .stopping(stopping)
            return [.signal(process, context.action.stop.signal)]
        case .pending, .preparing, .starting, .ready, .runningOnce, .backingOff, .finished:
            return []
        }
    }

    /// A program that executes takes the phase its kind asks for.
    mutating func enterExecutingPhase(_ process: ProcessIdentity, at moment: Moment, _ context: Context) -> [JobEffect]
    {
        let action = context.action
        guard action.isProcess else {
            phase = .runningOnce(process, until: action.timeout.map { moment + $0 })
            return [.recordEvent(.info, "started (pid \(process.pid))")]
        }
        guard action.needsReadinessProbe else {
            becomeReady(process, since: moment, begun: moment, after: 0, context)
            return [.recordEvent(.info, "running (pid \(process.pid))")]
        }
        phase = .starting(
            Starting(
                process: process,
                since: moment,
                until: moment + action.startTimeout,
                nextProbeAt: moment + (action.ready?.startPeriod ?? .zero),
                serial: 0,
                successes: 0
            )
        )
        return [.recordEvent(.info, "started (pid \(process.pid))")] + startProbeIfDue(context)
    }

    private mutating func handleShimLost(
        _ process: ProcessIdentity,
        at moment: Moment,
        time: WallTime,
        _ context: Context
    ) -> [JobEffect] {
        let loss = "its shim was killed"
        switch phase {
        case .launching:
            countExecution(process, time)
            return [.recordEvent(.warning, "\(loss); ending its program")] + stop(process, next: .retry(loss), context)
        case .starting, .ready, .runningOnce:
            return [.recordEvent(.warning, "\(loss); ending its program")] + stop(process, next: .retry(loss), context)
        case .stopping(var stopping):
            if stopping.process == nil { countExecution(process, time) }
            stopping.process = process
            phase = .stopping(stopping)
            return [.signal(process, context.action.stop.signal)]
        case .pending, .preparing, .backingOff, .finished:
            return []
        }
    }

    private mutating func handleEnded(
        _ outcome: Outcome,
        executed: Bool,
        time: WallTime?,
        _ context: Context
    ) -> [JobEffect] {
        let upSince: Moment?
        let trouble: String?
        switch phase {
        case .pending, .preparing, .backingOff, .finished: return []
        case .launching(until: _, refusedStarts: let refusals):
            if case .startFailed(let failure) = outcome, failure.isTransient, !executed {
                return startRefusedTemporarily(outcome, refusals, context)
            }
            (upSince, trouble) = (nil, nil)
        case .starting(let starting): (upSince, trouble) = (starting.since, "ended before it was ready: \(outcome)")
        case .ready(let up): (upSince, trouble) = (up.since, nil)
        case .runningOnce: (upSince, trouble) = (nil, nil)
        case .stopping(let stopping):
            finishExecution(executed, time)
            record.outcome = outcome
            record.finishedAt = time ?? context.time
            switch stopping.nextStep {
            case .finish:
                if stopping.killCount > 1 { record.error = nil }
                phase = .finished(.cancelled)
                return [.stopProbe, .recordEvent(.info, "stopped (\(outcome))"), .removeRuntimeFiles]
            case .retry(let reason):
                return [.stopProbe] + retryOrFail(reason, upSince: nil, context)
            }
        }
        finishExecution(executed, time)
        record.outcome = outcome
        record.finishedAt = time ?? context.time
        let isSuccess = outcome.isSuccess(codes: context.action.successExitCodes)
        if isSuccess, !context.action.isProcess || context.action.restart != .always {
            record.error = nil
            phase = .finished(.succeeded)
            return [.stopProbe, .recordEvent(.info, "succeeded"), .removeRuntimeFiles]
        }
        return [.stopProbe] + retryOrFail(trouble ?? "\(outcome)", upSince: upSince, context)
    }

    /// After an end that was not ordered: the next try, now or later, or giving up.
    private mutating func retryOrFail(_ reason: String, upSince: Moment?, _ context: Context) -> [JobEffect] {
        let retry = context.action.retry
        record.error = reason
        if let upSince, context.now - upSince >= retry.stableAfter { record.attempt = 0 }
        let isSpent = retry.maxAttempts > 0 && record.attempt >= retry.maxAttempts
        guard context.action.restart != .never, !isSpent else {
            phase = .finished(.failed)
            let tries = record.attempt == 1 ? "1 attempt" : "\(record.attempt) attempts"
            return [.recordEvent(.error, "failed after \(tries): \(reason)"), .removeRuntimeFiles]
        }
        let delay = retry.delay(afterAttempt: record.attempt, random: context.random)
        guard delay > .zero else {
            return [.recordEvent(.warning, "\(reason); starting it again")] + prepareStart(context)
        }
        phase = .backingOff(until: context.now + delay)
        let inWords = Canonical.duration(.milliseconds(max(1, delay.wholeMilliseconds)))
        return [.recordEvent(.warning, "\(reason); next try in \(inWords)")]
    }

    /// The machine had no room for a start: that is nobody's crash, so neither the tries nor the restarts count it (reliability.md
    /// RS-4).
    private mutating func startRefusedTemporarily(_ outcome: Outcome, _ refusals: Int, _ context: Context)
        -> [JobEffect]
    {
        record.attempt = max(0, record.attempt - 1)
        record.outcome = outcome
        let delay = context.action.retry.delay(afterAttempt: refusals &+ 1, random: context.random)
        var clearing = Preparation()
        clearing.refusedStarts = refusals &+ 1
        clearing.nextCheckAt = context.now + max(delay, .milliseconds(50))
        clearing.reason = "\(outcome)"
        record.error = clearing.reason
        phase = .preparing(clearing)
        return refusals == 0 ? [.recordEvent(.warning, "cannot start yet: \(outcome)")] : []
    }

    // MARK: Time

    /// How late a waking must be to show that nobody looked meanwhile: the reconciler was stopped, or the machine had no time for it.
    private static let maxDeadlineDelay = Duration.milliseconds(100)
    /// How much longer a start gets when nobody looked at the end of its time.
    private static let lateCheckGracePeriod = Duration.seconds(5)

    private mutating func handleDeadlineReached(_ context: Context) -> [JobEffect] {
        guard let deadline, deadline <= context.now else { return [] }
        let isLate = context.now - deadline > Self.maxDeadlineDelay
        switch phase {
        case .pending, .finished:
            return []
        case .ready(let up):
            return (up.announcementDeadline.map { $0 <= context.now } ?? false)
                ? handleAnnouncementTimeout(context) : startDueProbe(context)
        case .launching(_, let refusals):
            guard !isLate else {
                // Its program may well execute by now; that is taken in before anything is judged.
                phase = .launching(until: context.now + Self.lateCheckGracePeriod, refusedStarts: refusals)
                return []
            }
            let reason = "its program did not execute within \(Canonical.duration(context.action.startTimeout))"
            phase = .stopping(
                Stopping(process: nil, killAt: context.now + context.action.stop.timeout, nextStep: .retry(reason))
            )
            return [.recordEvent(.warning, reason), .killTree(generation: record.generation)]
        case .starting(var starting):
            guard starting.until <= context.now else { return startProbeIfDue(context) }
            guard !isLate, !starting.wasLastProbeSkipped else {
                // Nobody looked, or could look, when its time was over: it may well be ready, so it is asked once more
                // before it is judged.
                starting.until = context.now + Self.lateCheckGracePeriod
                phase = .starting(starting)
                return startProbeIfDue(context)
            }
            let limit = Canonical.duration(context.action.startTimeout)
            let reason = "was not ready within \(limit)" + (starting.lastFailure.map { ": \($0)" } ?? "")
            return [.recordEvent(.warning, "\(reason); stopping it")]
                + stop(starting.process, next: .retry(reason), context)
        case .runningOnce(let process, until: _):
            let limit = context.action.timeout.map(Canonical.duration) ?? ""
            let reason = "ran longer than its timeout of \(limit)"
            return [.recordEvent(.warning, "\(reason); stopping it")] + stop(process, next: .retry(reason), context)
        case .stopping(var stopping):
            // Asked again after each further timeout: a kill can be lost with the shim that was to do it.
            stopping.killAt = context.now + max(context.action.stop.timeout, .seconds(1))
            stopping.killCount &+= 1
            phase = .stopping(stopping)
            return killEvents(ofKill: stopping.killCount, context) + [.killTree(generation: record.generation)]
        case .preparing(var clearing):
            clearing.nextCheckAt = nil
            phase = .preparing(clearing)
            return []
        case .backingOff:
            return prepareStart(context)
        }
    }

    /// What is said of the first kills; that the same goes on is no news.
    private mutating func killEvents(ofKill number: Int, _ context: Context) -> [JobEffect] {
        switch number {
        case 1:
            let limit = Canonical.duration(context.action.stop.timeout)
            return [.recordEvent(.warning, "has not ended within \(limit); killing its tree")]
        case 2:
            let trouble = "does not end, although its tree was killed"
            record.error = trouble
            return [.recordEvent(.error, "\(trouble); it is killed again and again until it ends")]
        default:
            return []
        }
    }
}

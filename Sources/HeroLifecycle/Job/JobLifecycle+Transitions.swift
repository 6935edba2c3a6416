public import HeroModel

extension JobLifecycle {
    /// The inputs of a transition besides the event.
    public struct Context: Hashable, Sendable {
        /// The action as it is declared now; a change in place takes effect at the next use.
        public var action: ActionSpec
        /// The boot clock.
        public var now: Moment
        /// The wall clock.
        public var time: WallTime
        /// The boot that deadlines belong to.
        public var bootID: String
        /// A random number from 0 to 1, for jitter.
        public var random: Double
        /// The last start of the job before this one; nil if none is recorded.
        public var formerStart: PastStart?

        /// Makes a context.
        public init(action: ActionSpec, now: Moment, time: WallTime, bootID: String, random: Double) {
            self.action = action
            self.now = now
            self.time = time
            self.bootID = bootID
            self.random = random
        }
    }

    /// Handles one event.
    ///
    /// - Returns: The effects to carry out, in this order.
    public mutating func handle(_ event: JobEvent, _ context: Context) -> [JobEffect] {
        let effects = transition(event, context)
        updateRecord(context)
        return effects
    }

    private mutating func transition(_ event: JobEvent, _ context: Context) -> [JobEffect] {
        if let generation = event.generation, generation != record.generation { return [] }
        if let warning = warningIfUnexpected(event) { return [warning] }
        return switch event {
        case .startRequested: prepareStart(context)
        case .stopRequested: handleStopRequested(context)
        case .blockersChecked(let blockers): handleBlockersChecked(blockers, context)
        case .launchCancelled: handleLaunchCancelled(context)
        case .start(_, let event): handleStartEvent(event, context)
        case .survivedKill(_, let survivors): handleSurvivedKill(survivors)
        case .specChanged: handleSpecChanged(context)
        case .reloadRequested(let request): handleReloadRequested(request, context)
        case .reloadSignalSent(_, let wasSent): handleReloadEnded(wasSent ? nil : "its main process is gone")
        case .machineSlept: handleMachineSlept(context)
        case .retryRequested: handleRetryRequested(context)
        case .deadlineReached: handleDeadlineReached(context)
        }
    }

    private mutating func handleStartEvent(_ event: StartEvent, _ context: Context) -> [JobEffect] {
        switch event {
        case .started(let report): handleStarted(report.process, at: report.at, time: report.time, context)
        case .successorAwaited(let problem): handleSuccessorAwaited(problem, context)
        case .mainEnded(let report): handleMainEnded(report, context)
        case .mainProcessReplaced(let process): handleMainProcessReplaced(process, context)
        case .notified(let state): handleNotified(state, context)
        case .ended(let report):
            handleEnded(
                report.outcome,
                executed: report.executed != nil,
                time: report.time,
                pidFileProblem: report.pidFileProblem,
                context
            )
        case .shimLost(let report): handleShimLost(report.process, at: report.at, time: report.time, context)
        case .probeFinished(Self.stopCommandSerial, let result): handleStopCommandEnded(result, context)
        case .probeFinished(Self.reloadCommandSerial, let result): handleReloadEnded(result.failure)
        case .probeFinished(let serial, .succeeded): handleProbeResult(serial, failure: nil, context)
        case .probeFinished(let serial, .failed(let reason)): handleProbeResult(serial, failure: reason, context)
        case .probeFinished(let serial, .skipped(let reason)): handleProbeSkipped(serial, reason, context)
        }
    }

    // MARK: Requests

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
            let effects = stop(starting.process, nextStep: .finish, context)
            // The main process has exited, and no process of its tree is known that could receive the stop signal.
            return starting.awaitsSuccessor ? [.stopProbe, .killTree(generation: record.generation)] : effects
        case .ready(let ready):
            return stop(ready.process, nextStep: .finish, context)
        case .runningOnce(let process, until: _):
            return stop(process, nextStep: .finish, context)
        case .stopping(var stopping):
            let isFirstRequest = stopping.nextStep != .finish
            stopping.nextStep = .finish
            if let end = stopping.mainEnd, isFirstRequest {
                // The remaining processes have received the stop signal already.
                stopping.killAt = min(stopping.killAt, max(context.now, end.at + MainEnd.stopTimeout))
            }
            phase = .stopping(stopping)
            return []
        case .finished:
            return []
        }
    }

    /// Begins a start with a new generation.
    mutating func launch(refusedStarts: Int = 0, _ context: Context) -> [JobEffect] {
        record.attempt &+= 1
        recentTries.add(context.now, context.action.retry)
        record.generation &+= 1
        record.process = nil
        record.error = nil
        notifyState = NotifyState(asOf: context.now)
        phase = .launching(until: context.now + context.action.startTimeout, refusedStarts: refusedStarts)
        return [.launch(generation: record.generation)]
    }

    /// The effect that sends the stop signal to a program.
    func stopSignal(_ process: ProcessIdentity, _ context: Context) -> JobEffect {
        let stop = context.action.stop
        switch stop.target {
        case .main: return .signal(process, stop.signal)
        case .tree: return .signalTree(generation: record.generation, main: process, stop.signal)
        }
    }

    /// Runs the stop command, or sends the stop signal if the action has none.
    mutating func stop(_ process: ProcessIdentity, nextStep: Stopping.NextStep, _ context: Context) -> [JobEffect] {
        let stopping = Stopping(
            process: process,
            killAt: context.now + context.action.stop.timeout,
            nextStep: nextStep
        )
        return [.stopProbe] + beginStop(stopping, process, context)
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
                return retryOrFail(reason, readySince: nil, context)
            case .conclude:
                return []
            }
        case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .backingOff, .finished:
            return []
        }
    }

    // MARK: Reports of the kernel

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
            return beginStop(stopping, process, context)
        case .pending, .preparing, .starting, .ready, .runningOnce, .backingOff, .finished:
            return []
        }
    }

    /// Moves the job to the phase of an executing program: `runningOnce`, `ready` or `starting`.
    mutating func enterExecutingPhase(
        _ process: ProcessIdentity,
        at moment: Moment,
        _ context: Context
    ) -> [JobEffect] {
        let action = context.action
        guard action.isProcess else {
            phase = .runningOnce(process, until: action.timeout.map { moment + $0 })
            return [.recordEvent(.info, "started (pid \(process.pid))")]
        }
        guard action.needsReadinessProbe || action.waitsForPIDFile else {
            becomeReady(process, since: moment, executedAt: moment, lastSerial: 0, context)
            return [.recordEvent(.info, "running (pid \(process.pid))")]
        }
        phase = .starting(
            Starting(
                process: process,
                since: moment,
                until: moment + action.startTimeout,
                nextProbeAt: moment + action.timeUntilReadinessCheck,
                serial: 0,
                successes: 0
            )
        )
        if action.waitsForPIDFile { record.error = action.pidFileWaitText() }
        return [.recordEvent(.info, "started (pid \(process.pid))")] + startProbeIfDue(context)
    }

    mutating func handleShimLost(
        _ process: ProcessIdentity,
        at moment: Moment,
        time: WallTime,
        _ context: Context
    ) -> [JobEffect] {
        let reason = "its shim was killed"
        let warning = JobEffect.recordEvent(.warning, "\(reason); stopping its program")
        switch phase {
        case .launching:
            countExecution(process, time)
            return [warning] + stop(process, nextStep: .retry(reason), context)
        case .starting, .ready, .runningOnce:
            return [warning] + stop(process, nextStep: .retry(reason), context)
        case .stopping(var stopping):
            if stopping.process == nil { countExecution(process, time) }
            stopping.process = process
            let isCommandRunning = stopping.isCommandRunning
            stopping.isCommandRunning = false
            phase = .stopping(stopping)
            return (isCommandRunning ? [.stopProbe] : []) + [stopSignal(process, context)]
        case .pending, .preparing, .backingOff, .finished:
            return []
        }
    }

    mutating func handleEnded(
        _ outcome: Outcome,
        executed: Bool,
        time: WallTime?,
        pidFileProblem: PIDFileProblem? = nil,
        _ context: Context
    ) -> [JobEffect] {
        let cause = "\(outcome)" + context.action.text(of: pidFileProblem)
        let readySince: Moment?
        let reason: String
        switch phase {
        case .pending, .preparing, .backingOff, .finished: return []
        case .launching(until: _, refusedStarts: let refusedStarts):
            if case .startFailed(let failure) = outcome, failure.isTransient, !executed {
                return startRefusedTemporarily(outcome, refusedStarts, context)
            }
            (readySince, reason) = (nil, cause)
        case .starting(let starting):
            (readySince, reason) = (starting.since, "ended before it was ready: \(cause)")
        case .ready(let ready): (readySince, reason) = (ready.since, cause)
        case .runningOnce: (readySince, reason) = (nil, "\(outcome)")
        case .stopping(let stopping):
            switch stopping.nextStep {
            case .finish:
                recordOutcome(outcome, executed: executed, time: time, context)
                if stopping.killCount > 1 { record.error = nil }
                phase = .finished(.cancelled)
                return [.stopProbe, .recordEvent(.info, "stopped (\(outcome))"), .removeRuntimeFiles]
            case .retry(let reason):
                recordOutcome(outcome, executed: executed, time: time, context)
                return [.stopProbe] + retryOrFail(reason, readySince: nil, context)
            case .conclude:
                readySince = stopping.mainEnd?.upSince
                reason = stopping.mainEnd?.reason(context.action) ?? "\(outcome)"
            }
        }
        recordOutcome(outcome, executed: executed, time: time, context)
        let isSuccess = outcome.isSuccess(codes: context.action.successExitCodes)
        if isSuccess, !context.action.restartsAfterSuccess {
            record.error = nil
            phase = .finished(.succeeded)
            return [.stopProbe, .recordEvent(.info, "succeeded"), .removeRuntimeFiles]
        }
        return [.stopProbe] + retryOrFail(reason, readySince: readySince, context)
    }

    private mutating func recordOutcome(
        _ outcome: Outcome,
        executed: Bool,
        time: WallTime?,
        _ context: Context
    ) {
        finishExecution(executed, time)
        record.outcome = outcome
        record.finishedAt = time ?? context.time
    }

    /// Begins the next attempt, now or after a delay, or fails the job, after an end that was not requested.
    private mutating func retryOrFail(_ reason: String, readySince: Moment?, _ context: Context) -> [JobEffect] {
        let retry = context.action.retry
        record.error = reason
        if let readySince, context.now - readySince >= retry.stableAfter { record.attempt = 0 }
        let tries = recentTries.count(context.now, retry)
        let isLastAttempt = retry.maxAttempts > 0 && tries ?? record.attempt >= retry.maxAttempts
        guard context.action.restart != .never, !isLastAttempt else {
            phase = .finished(.failed)
            let count = tries ?? record.attempt
            let time = retry.within.map { " within \(Canonical.duration($0))" } ?? ""
            let attempts = count == 1 ? "1 attempt" : "\(count) attempts"
            return [.recordEvent(.error, "failed after \(attempts)\(time): \(reason)"), .removeRuntimeFiles]
        }
        let delay = retry.delay(afterAttempt: record.attempt, random: context.random)
        guard delay > .zero else {
            return [.recordEvent(.warning, "\(reason); starting it again")] + prepareStart(context)
        }
        phase = .backingOff(until: context.now + delay)
        let delayText = Canonical.duration(.milliseconds(max(1, delay.wholeMilliseconds)))
        return [.recordEvent(.warning, "\(reason); next try in \(delayText)")]
    }

    /// Waits before the next start, because the machine lacked the resources for this one.
    ///
    /// The program is not to blame: neither attempts nor restarts count it (RS-4).
    private mutating func startRefusedTemporarily(
        _ outcome: Outcome,
        _ refusedStarts: Int,
        _ context: Context
    ) -> [JobEffect] {
        record.attempt = max(0, record.attempt - 1)
        recentTries.removeLast()
        record.outcome = outcome
        let delay = context.action.retry.delay(afterAttempt: refusedStarts &+ 1, random: context.random)
        var preparation = Preparation()
        preparation.refusedStarts = refusedStarts &+ 1
        preparation.nextCheckAt = context.now + max(delay, .milliseconds(50))
        preparation.reason = "\(outcome)"
        record.error = preparation.reason
        phase = .preparing(preparation)
        return refusedStarts == 0 ? [.recordEvent(.warning, "cannot start yet: \(outcome)")] : []
    }
}

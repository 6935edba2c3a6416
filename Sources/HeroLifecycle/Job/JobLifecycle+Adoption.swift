public import HeroModel

/// What a reconciler that has just started finds of a job it did not see living.
public enum RecoveredJobStart: Hashable, Sendable {
    /// A start goes on; its program is known once it executes.
    case supervised(generation: UInt32, process: ProcessIdentity?, at: Moment, time: WallTime)
    /// A start goes on without its shim.
    case shimLost(generation: UInt32, process: ProcessIdentity, at: Moment, time: WallTime)
    /// A start is over; `lived` says how long its program executed, as far as that is known.
    case ended(generation: UInt32, Outcome, executed: Bool, time: WallTime?, ranFor: Duration = .zero)
    /// There is no trace of any start on this boot.
    case notFound
}

extension JobLifecycle {
    /// Takes up a job from its record and from what is there of it.
    ///
    /// The record was stored before anything was done, so it is never behind by more than one deed: either its generation
    /// is there, or it was never launched and is launched now (reliability.md FP-ST-3).
    public static func adopt(
        _ record: JobRecord,
        _ sighting: RecoveredJobStart,
        _ context: Context
    ) -> (life: JobLifecycle, effects: [JobEffect]) {
        var life = JobLifecycle(record)
        let effects = life.restore(sighting, context)
        life.updateRecord(context)
        return (life, effects)
    }

    private mutating func restore(_ sighting: RecoveredJobStart, _ context: Context) -> [JobEffect] {
        if let boot = record.lastBootID, boot != context.bootID, record.phase.isActive {
            return record.service == nil
                ? endStandaloneAfterReboot(sighting, context) : endAfterReboot(sighting, context)
        }
        switch record.phase {
        case .pending: return []
        case .waiting:
            // What stood in its way is looked at again when that was to be, not because somebody came back (RS-3).
            let longest = context.action.retry.maxDelayWithJitter
            guard let deadline = storedDeadline(context, within: longest), deadline > context.now else { return [] }
            phase = .preparing(
                Preparation(nextCheckAt: deadline, refusedStarts: record.error == nil ? 0 : 1, reason: record.error)
            )
        case .succeeded: phase = .finished(.succeeded)
        case .failed: phase = .finished(.failed)
        case .cancelled: phase = .finished(.cancelled)
        case .retrying:
            phase = .backingOff(
                until: storedDeadline(context, within: context.action.retry.maxDelayWithJitter) ?? context.now
            )
        case .running:
            return restoreRunning(sighting, context)
        }
        return []
    }

    /// The machine was restarted: whatever ran is gone, and comes back with its service, in the order of the waves.
    private mutating func endAfterReboot(_ sighting: RecoveredJobStart, _ context: Context) -> [JobEffect] {
        var outcome = record.phase == .running ? Outcome.lost("the machine was restarted") : record.outcome
        if case .ended(let generation, let seen, let executed, let time, ranFor: _) = sighting,
            generation >= record.generation
        {
            finishExecution(executed, time)
            outcome = seen
            record.finishedAt = time ?? context.time
        } else if record.phase == .running {
            record.finishedAt = context.time
        }
        record.process = nil
        record.outcome = outcome
        record.error = outcome.map { "\($0)" }
        let isSuccess = outcome?.isSuccess(codes: context.action.successExitCodes) ?? false
        phase = .finished(isSuccess && !context.action.isProcess ? .succeeded : .failed)
        return [.recordEvent(.warning, "the machine was restarted; its service starts anew"), .removeRuntimeFiles]
    }

    /// The same for a job that no service brings back: how it ended is unknown, and its own policy says what follows.
    ///
    /// What was ordered and never seen to execute counts as begun: it may have run, and it must not run twice.
    private mutating func endStandaloneAfterReboot(_ sighting: RecoveredJobStart, _ context: Context) -> [JobEffect] {
        switch record.phase {
        case .running:
            if case .ended = sighting { return restoreRunning(sighting, context) }
            phase = assumedPhaseBeforeEnd(context)
            let outcome = Outcome.lost("the machine was restarted")
            let wasExecuted = record.process != nil
            return handle(
                .ended(generation: record.generation, outcome, executed: wasExecuted, time: nil),
                context
            )
        case .retrying:
            phase = .backingOff(until: context.now)
        case .pending, .waiting, .succeeded, .failed, .cancelled:
            break
        }
        return []
    }

    private mutating func restoreRunning(_ sighting: RecoveredJobStart, _ context: Context) -> [JobEffect] {
        switch sighting {
        case .supervised(let generation, let process, let at, let time):
            let isCounted = acceptAsRecordedExecution(generation, process)
            record.generation = max(record.generation, generation)
            guard let process else {
                phase = launchingOrStoppingPhase(context)
                return []
            }
            if !isCounted { countExecution(process, time) }
            return resume(process, at: at, context)
        case .shimLost(let generation, let process, let at, let time):
            let isCounted = acceptAsRecordedExecution(generation, process)
            record.generation = max(record.generation, generation)
            phase = .launching(until: context.now)
            if isCounted { becomeReady(process, since: at, begun: at, after: 0, context) }
            if record.isStopping { phase = launchingOrStoppingPhase(context, isCounted ? process : nil) }
            return handle(
                .shimLost(generation: record.generation, process: process, at: at, time: time),
                context
            )
        case .ended(let generation, let outcome, let executed, let time, let lived):
            guard generation >= record.generation || generation == 0 else { return relaunch(context) }
            record.generation = max(record.generation, generation)
            phase = assumedPhaseBeforeEnd(context, for: lived)
            return handle(
                .ended(generation: record.generation, outcome, executed: executed, time: time),
                context
            )
        case .notFound:
            guard record.process == nil else {
                phase = assumedPhaseBeforeEnd(context)
                return handle(
                    .ended(
                        generation: record.generation,
                        .lost("nothing is left of it"),
                        executed: true,
                        time: nil
                    ),
                    context
                )
            }
            return relaunch(context)
        }
    }

    /// Whether this program's execution is in the record already.
    ///
    /// One that forked away while nobody looked is the same execution; from here on it is the process on record.
    private mutating func acceptAsRecordedExecution(_ generation: UInt32, _ process: ProcessIdentity?) -> Bool {
        guard let known = record.process, let process else { return false }
        guard !known.isSameProcess(as: process) else { return true }
        guard generation == record.generation else { return false }
        record.process = process
        return true
    }

    /// The phase in which an end that nobody saw is taken in.
    ///
    /// How long it was up decides whether its tries count from the beginning.
    private func assumedPhaseBeforeEnd(_ context: Context, for lived: Duration = .zero) -> Phase {
        if record.isStopping { return launchingOrStoppingPhase(context) }
        guard let process = record.process else { return .launching(until: context.now) }
        let since = context.now + (.zero - lived)
        guard context.action.isProcess else { return .runningOnce(process, until: nil) }
        return .ready(Ready(process: process, since: since, probes: ProbeState(serial: 0)))
    }

    private func launchingOrStoppingPhase(_ context: Context, _ process: ProcessIdentity? = nil) -> Phase {
        guard record.isStopping else {
            return .launching(
                until: storedDeadline(context, within: context.action.startTimeout)
                    ?? context.now + context.action.startTimeout
            )
        }
        let killAt =
            storedDeadline(context, within: context.action.stop.timeout) ?? context.now + context.action.stop.timeout
        return .stopping(Stopping(process: process, killAt: killAt, nextStep: .finish))
    }

    /// A start that was stored and never came to be: it takes the next generation, so that a shim that was only slow is refused.
    private mutating func relaunch(_ context: Context) -> [JobEffect] {
        guard !record.isStopping else {
            // What was retired on the way here stays on record: without it a shim that is only slow would not be refused.
            phase = .finished(.cancelled)
            return []
        }
        guard record.executions > 0 else {
            // Its first start was ordered in a world that may be gone: its service asks its gates again.
            record.attempt = 0
            phase = .pending
            return []
        }
        // The try that never came to be is made now, with a generation of its own; it counts once.
        record.attempt = max(0, record.attempt - 1)
        return prepareStart(context)
    }

    /// A program that was running when nobody looked goes on where its record left it.
    private mutating func resume(_ process: ProcessIdentity, at moment: Moment, _ context: Context) -> [JobEffect] {
        if record.isStopping {
            let killAt =
                storedDeadline(context, within: context.action.stop.timeout) ?? context.now
                + context.action.stop.timeout
            phase = .stopping(Stopping(process: process, killAt: killAt, nextStep: .finish))
            // Sent again: whether it was sent before the reconciler went away cannot be known.
            return [.signal(process, context.action.stop.signal)]
        }
        if record.isReady, context.action.isProcess {
            becomeReady(process, since: moment, begun: moment, after: 0, isTakenUp: true, context)
            return []
        }
        return enterExecutingPhase(process, at: moment, context)
    }

    /// The deadline that a former reconciler has stored on this boot: the next one neither resets nor extends it (reliability.md
    /// RS-3).
    ///
    /// Never further off than `limit`: the policy may have been changed, or the record damaged.
    private func storedDeadline(_ context: Context, within limit: Duration) -> Moment? {
        guard let deadline = record.deadline, deadline.bootID == context.bootID else { return nil }
        return min(deadline.moment, context.now + limit)
    }
}

extension JobRecord {
    /// The boot in which it was last active, as far as it is recorded.
    public var lastBootID: String? { process?.bootID ?? deadline?.bootID }
}

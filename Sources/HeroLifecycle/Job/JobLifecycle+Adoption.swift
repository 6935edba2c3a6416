public import HeroModel

extension JobLifecycle {
    /// Restores a job from its record and from what was found of its current start.
    ///
    /// The record is stored before its effects are carried out. So it is at most one effect ahead: either its
    /// generation exists, or it was never launched and is launched now (FP-ST-3).
    public static func adopt(
        _ record: JobRecord,
        _ found: RecoveredStart,
        recentTries: RecentTries = RecentTries(),
        _ context: Context
    ) -> (lifecycle: JobLifecycle, effects: [JobEffect]) {
        var lifecycle = JobLifecycle(record)
        lifecycle.recentTries = recentTries
        let effects = lifecycle.restore(found, context)
        lifecycle.updateRecord(context)
        return (lifecycle, effects)
    }

    private mutating func restore(_ found: RecoveredStart, _ context: Context) -> [JobEffect] {
        if let boot = record.lastBootID, boot != context.bootID, record.phase.isActive {
            return record.service == nil
                ? endStandaloneAfterReboot(found, context) : endAfterReboot(found, context)
        }
        switch record.phase {
        case .pending: return []
        case .waiting:
            // The blockers are checked at the stored time, and not earlier because a new reconciler has started (RS-3).
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
            return restoreRunning(found, context)
        }
        return []
    }

    /// Finishes a job of a service after a reboot: its process is gone, and its service starts it again in a start
    /// wave.
    private mutating func endAfterReboot(_ found: RecoveredStart, _ context: Context) -> [JobEffect] {
        var outcome = record.phase == .running ? Outcome.lost("the machine was restarted") : record.outcome
        if case .ended(let generation, let report) = found, generation >= record.generation {
            finishExecution(report.executed != nil, report.time)
            outcome = report.outcome
            record.finishedAt = report.time ?? context.time
        } else if record.phase == .running {
            record.finishedAt = context.time
        }
        record.process = nil
        record.outcome = outcome
        record.error = outcome.map { "\($0)" }
        let isSuccess = outcome?.isSuccess(codes: context.action.successExitCodes) ?? false
        phase = .finished(isSuccess && !context.action.isProcess ? .succeeded : .failed)
        return [
            .recordEvent(.warning, "the machine was restarted; its service starts again"), .removeRuntimeFiles,
        ]
    }

    /// Ends a standalone job after a reboot: its outcome is unknown, and its own policy decides what follows.
    ///
    /// A start that was ordered and never seen to execute counts as executed: it may have run, and it must not run
    /// twice.
    private mutating func endStandaloneAfterReboot(_ found: RecoveredStart, _ context: Context) -> [JobEffect] {
        switch record.phase {
        case .running:
            if case .ended = found { return restoreRunning(found, context) }
            phase = assumedPhaseBeforeEnd(context)
            let outcome = Outcome.lost("the machine was restarted")
            let wasExecuted = record.process != nil
            return handleEnded(outcome, executed: wasExecuted, time: nil, context)
        case .retrying:
            phase = .backingOff(until: context.now)
        case .pending, .waiting, .succeeded, .failed, .cancelled:
            break
        }
        return []
    }

    private mutating func restoreRunning(_ found: RecoveredStart, _ context: Context) -> [JobEffect] {
        switch found {
        case .supervised(let generation, _) where generation > 0 && generation < record.generation:
            // The processes of an earlier start are still ending. The recorded start has not taken place: the end of
            // the earlier one is awaited, and a new start follows.
            record.generation = generation
            record.attempt = max(0, record.attempt - 1)
            recentTries.removeLast()
            phase = launchingOrStoppingPhase(context)
            return []
        case .supervised(let generation, let report):
            let isCounted = acceptAsRecordedExecution(generation, report?.process)
            record.generation = max(record.generation, generation)
            guard let report else {
                phase = launchingOrStoppingPhase(context)
                return []
            }
            if !isCounted { countExecution(report.process, report.time) }
            return resume(report.process, at: report.at, context)
        case .mainEnded(let generation, let report, let end):
            let isCounted = acceptAsRecordedExecution(generation, report.process)
            record.generation = max(record.generation, generation)
            if !isCounted { countExecution(report.process, report.time) }
            guard !record.isStopping else {
                phase = launchingOrStoppingPhase(context, report.process)
                return []
            }
            return stopRemainingProcesses(of: report.process, recoveredMainEnd(end, report, context), context)
        case .orphaned(let generation, let report):
            let (process, at) = (report.process, report.at)
            let isCounted = acceptAsRecordedExecution(generation, process)
            record.generation = max(record.generation, generation)
            phase = .launching(until: context.now)
            if isCounted { becomeReady(process, since: at, executedAt: at, lastSerial: 0, context) }
            if record.isStopping { phase = launchingOrStoppingPhase(context, isCounted ? process : nil) }
            return handle(.start(generation: record.generation, .shimLost(report)), context)
        case .ended(let generation, let report):
            guard generation >= record.generation || generation == 0 else { return relaunch(context) }
            record.generation = max(record.generation, generation)
            phase = assumedPhaseBeforeEnd(context, ranFor: report.runDuration)
            return handle(.start(generation: record.generation, .ended(report)), context)
        case .notFound:
            guard record.process == nil else {
                phase = assumedPhaseBeforeEnd(context)
                return handleEnded(.lost("no trace of it was found"), executed: true, time: nil, context)
            }
            return relaunch(context)
        }
    }

    /// Whether the execution of this process is in the record already.
    ///
    /// A process that replaced the main process while no reconciler ran belongs to the same execution. The record then
    /// takes the new process.
    private mutating func acceptAsRecordedExecution(_ generation: UInt32, _ process: ProcessIdentity?) -> Bool {
        guard let known = record.process, let process else { return false }
        guard !known.isSameProcess(as: process) else { return true }
        guard generation == record.generation else { return false }
        record.process = process
        return true
    }

    /// The end of the main process as it would have been handled then.
    private func recoveredMainEnd(_ end: MainEndReport, _ report: StartReport, _ context: Context) -> MainEnd {
        let isProcess = context.action.isProcess
        let runDuration = EndReport(outcome: end.outcome, time: end.time, executed: report).runDuration
        return MainEnd(
            outcome: end.outcome,
            at: min(context.now, report.at + runDuration),
            upSince: isProcess ? report.at : nil,
            wasReady: record.isReady || !isProcess,
            remainingProcesses: end.remainingProcesses,
            pidFileProblem: end.pidFileProblem
        )
    }

    /// The phase that a start was in before it ended while no reconciler ran.
    ///
    /// How long the program ran decides whether its attempts count from the beginning.
    private func assumedPhaseBeforeEnd(_ context: Context, ranFor duration: Duration = .zero) -> Phase {
        if record.isStopping { return launchingOrStoppingPhase(context) }
        guard let process = record.process else { return .launching(until: context.now) }
        let since = context.now + (.zero - duration)
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

    /// Repeats a start that was stored and never carried out.
    ///
    /// The new start has the next generation, so that a late shim of the old start is refused.
    private mutating func relaunch(_ context: Context) -> [JobEffect] {
        guard !record.isStopping else {
            // The record file of the retired start stays: without it a late shim would not be refused.
            phase = .finished(.cancelled)
            return []
        }
        guard record.executions > 0 else {
            // The first start was requested before the crash, so its service checks its start gates again.
            record.attempt = 0
            recentTries.removeAll()
            phase = .pending
            return []
        }
        // The repeated start is the same attempt and counts once.
        record.attempt = max(0, record.attempt - 1)
        recentTries.removeLast()
        return prepareStart(context)
    }

    /// Continues a running program from its recorded state.
    private mutating func resume(_ process: ProcessIdentity, at moment: Moment, _ context: Context) -> [JobEffect] {
        if record.isStopping {
            let killAt =
                storedDeadline(context, within: context.action.stop.timeout) ?? context.now
                + context.action.stop.timeout
            phase = .stopping(Stopping(process: process, killAt: killAt, nextStep: .finish))
            // Sent again, because it is unknown whether the former reconciler has sent it.
            return [stopSignal(process, context)]
        }
        if record.isReady, context.action.isProcess {
            becomeReady(process, since: moment, executedAt: moment, lastSerial: 0, isAdopted: true, context)
            return []
        }
        return enterExecutingPhase(process, at: moment, context)
    }

    /// The deadline that a former reconciler stored on this boot; a new reconciler neither resets nor extends it
    /// (RS-3).
    ///
    /// It is at most `limit` from now, because the policy may have changed and the record may be damaged.
    private func storedDeadline(_ context: Context, within limit: Duration) -> Moment? {
        guard let deadline = record.deadline, deadline.bootID == context.bootID else { return nil }
        return min(deadline.moment, context.now + limit)
    }
}

extension JobRecord {
    /// The boot in which the job was last active; nil if the record does not contain it.
    public var lastBootID: String? { process?.bootID ?? deadline?.bootID }
}

internal import HeroModel

/// The end of the main process while other processes of its tree are running.
extension JobLifecycle {
    /// Records the end of the main process at once: the job is not up any more, and the shim stops the rest of its tree.
    mutating func handleMainEnded(_ report: MainEndReport, _ context: Context) -> [JobEffect] {
        let process: ProcessIdentity
        let upSince: Moment?
        var wasReady = false
        switch phase {
        case .starting(let starting): (process, upSince) = (starting.process, starting.since)
        case .ready(let ready): (process, upSince, wasReady) = (ready.process, ready.since, true)
        case .runningOnce(let main, until: _): (process, upSince) = (main, nil)
        case .stopping(var stopping) where stopping.isCommandRunning:
            // The stop command runs only while the main program does.
            stopping.isCommandRunning = false
            phase = .stopping(stopping)
            return [.stopProbe]
        // A start that is being stopped has no use for it, and `started` arrives before it.
        case .pending, .preparing, .launching, .stopping, .backingOff, .finished: return []
        }
        let end = MainEnd(
            outcome: report.outcome,
            at: context.now,
            upSince: upSince,
            wasReady: wasReady || !context.action.isProcess,
            remainingProcesses: report.remainingProcesses,
            pidFileProblem: report.pidFileProblem
        )
        return stopRemainingProcesses(of: process, end, context)
    }

    /// Waits until the shim has stopped the processes that the main process left behind.
    mutating func stopRemainingProcesses(
        of process: ProcessIdentity,
        _ end: MainEnd,
        _ context: Context
    ) -> [JobEffect] {
        record.outcome = end.outcome
        var stopping = Stopping(process: process, killAt: end.at + context.action.stop.timeout, nextStep: .conclude)
        stopping.mainEnd = end
        phase = .stopping(stopping)
        return [.stopProbe, .recordEvent(.warning, end.description(context.action))]
    }
}

extension JobLifecycle.MainEnd {
    /// How long the remaining processes may run after the end of the main process once a stop is requested.
    static let stopTimeout = Duration.seconds(1)

    /// What happens now, for status and events.
    func description(_ action: ActionSpec) -> String {
        MainEndReport(outcome: outcome, time: nil, remainingProcesses: remainingProcesses).description + hint(action)
    }

    /// Why the program is started again, or the job fails.
    func reason(_ action: ActionSpec) -> String {
        let processes = remainingProcesses == 1 ? "1 process" : "\(remainingProcesses) processes"
        return (wasReady ? "" : "ended before it was ready: ") + "\(outcome); it left \(processes) behind"
            + hint(action)
    }

    /// How to keep a daemon that has left its first program.
    private func hint(_ action: ActionSpec) -> String {
        guard action.isProcess, outcome.isSuccess(codes: action.successExitCodes) else { return "" }
        guard action.pidFile == nil else { return action.text(of: pidFileProblem) }
        return "; keep it in the foreground, or name its `pid_file`"
    }
}

extension ActionSpec {
    /// Why the PID file was not accepted, as the end of a reason; empty if it was, or if the action has none.
    func text(of problem: PIDFileProblem?) -> String {
        guard let problem, let pidFile else { return "" }
        return "; its PID file \(pidFile) \(problem)"
    }
}

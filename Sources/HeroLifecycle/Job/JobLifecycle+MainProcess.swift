internal import HeroModel

extension JobLifecycle {
    /// Replaces the main process: the program forked, and its PID file or `MAINPID` names the new main process.
    ///
    /// The execution and the start stay the same. A stop that is in progress signals the new main process.
    mutating func handleMainProcessReplaced(_ process: ProcessIdentity, _ context: Context) -> [JobEffect] {
        var readyText: String?
        switch phase {
        case .starting(let starting) where context.action.waitsForPIDFile:
            becomeReady(
                process,
                since: context.now,
                executedAt: starting.since,
                lastSerial: starting.serial,
                context
            )
            record.error = nil
            readyText =
                "ready after \(Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds)))"
        case .starting(var starting):
            starting.process = process
            phase = .starting(starting)
        case .ready(var ready):
            ready.process = process
            phase = .ready(ready)
        case .runningOnce(_, let until):
            phase = .runningOnce(process, until: until)
        case .stopping(var stopping):
            guard stopping.process != nil else { return [] }
            stopping.process = process
            phase = .stopping(stopping)
            record.process = process
            return stopping.isCommandRunning ? [] : [stopSignal(process, context)]
        case .pending, .preparing, .launching, .backingOff, .finished:
            return []
        }
        record.process = process
        let usesMainPID = context.action.pidFile == nil && context.action.usesNotifySocket
        let source = usesMainPID ? "MAINPID" : "its PID file"
        return [.recordEvent(.info, "its main process is now pid \(process.pid), named by \(source)")]
            + (readyText.map { [.recordEvent(.info, $0)] } ?? [])
    }

    /// How long the first program of an action with a PID file must run to be its main process.
    static let foregroundTime = Duration.seconds(1)
    /// How much longer the reconciler waits than the shim, which records why it has accepted no PID file.
    private static let successorGracePeriod = Duration.seconds(2)

    /// The first program has exited well, and the PID file names no process of its tree yet.
    mutating func handleSuccessorAwaited(_ problem: PIDFileProblem?, _ context: Context) -> [JobEffect] {
        guard case .starting(var starting) = phase, context.action.waitsForPIDFile else { return [] }
        if !starting.awaitsSuccessor { starting.until = starting.until + Self.successorGracePeriod }
        starting.awaitsSuccessor = true
        starting.nextProbeAt = nil
        let text = context.action.pidFileWaitText(problem)
        let isNew = record.error != text
        record.error = text
        starting.lastFailure = text
        phase = .starting(starting)
        guard let problem, isNew, problem != .missing else { return [] }
        return [.recordEvent(.warning, text)]
    }

    /// The first program of an action with a PID file has stayed in the foreground: it is the main process.
    mutating func becomeReadyInForeground(_ context: Context) -> [JobEffect] {
        guard case .starting(let starting) = phase, !starting.awaitsSuccessor else { return [] }
        becomeReady(
            starting.process,
            since: context.now,
            executedAt: starting.since,
            lastSerial: starting.serial,
            context
        )
        record.error = nil
        return [.recordEvent(.info, "running (pid \(starting.process.pid)), in the foreground")]
    }
}

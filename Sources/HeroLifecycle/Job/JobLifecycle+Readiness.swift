public import HeroModel

extension JobLifecycle {
    /// Handles the result of a probe; `failure` is nil if the probe succeeded.
    mutating func handleProbeResult(_ serial: UInt64, failure: String?, _ context: Context) -> [JobEffect] {
        guard case .starting(var starting) = phase, starting.serial == serial, starting.nextProbeAt == nil else {
            return handleProbeResultWhenReady(serial, failure: failure, context)
        }
        starting.wasLastProbeSkipped = false
        if let failure {
            starting.successes = 0
            starting.lastFailure = failure
            record.error = failure
        } else {
            starting.successes += 1
            guard starting.successes < context.action.ready?.successes ?? 1 else {
                record.error = nil
                becomeReady(
                    starting.process,
                    since: context.now,
                    executedAt: starting.since,
                    lastSerial: serial,
                    context
                )
                let duration = Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds))
                return [.recordEvent(.info, "ready after \(duration)")]
            }
        }
        starting.nextProbeAt = context.now + context.action.readinessInterval(afterTry: serial)
        phase = .starting(starting)
        return []
    }

    /// Starts the readiness probe if it is due.
    mutating func startProbeIfDue(_ context: Context) -> [JobEffect] {
        guard case .starting(var starting) = phase, let nextProbeAt = starting.nextProbeAt,
            nextProbeAt <= context.now
        else { return [] }
        if context.action.waitsForPIDFile { return becomeReadyInForeground(context) }
        if case .aliveFor(let time) = context.action.ready?.check {
            return becomeReadyWhenAlive(starting, for: time, context)
        }
        starting.nextProbeAt = nil
        starting.serial &+= 1
        phase = .starting(starting)
        return [.startProbe(generation: record.generation, serial: starting.serial, .readiness)]
    }
}

extension JobLifecycle {
    /// Makes a process ready that has run for a time; if it has not, waits for the rest of the time.
    private mutating func becomeReadyWhenAlive(
        _ starting: Starting,
        for time: Duration,
        _ context: Context
    ) -> [JobEffect] {
        let due = starting.since + time
        guard due <= context.now else {
            var starting = starting
            starting.nextProbeAt = due
            phase = .starting(starting)
            return []
        }
        becomeReady(
            starting.process,
            since: context.now,
            executedAt: starting.since,
            lastSerial: starting.serial,
            context
        )
        record.error = nil
        return [.recordEvent(.info, "ready after \(Canonical.duration(time))")]
    }
}

extension ActionSpec {
    /// Whether a process of the action becomes ready by a probe, and not as soon as it executes.
    public var needsReadinessProbe: Bool { ready != nil || declaresListeners }

    /// Whether the PID file decides when a process of the action is ready: it has no probe and no listeners.
    var waitsForPIDFile: Bool { isProcess && pidFile != nil && !needsReadinessProbe }

    /// The time from the execution of the program to its first readiness check.
    var timeUntilReadinessCheck: Duration {
        if waitsForPIDFile { return JobLifecycle.foregroundTime }
        if case .aliveFor(let time) = ready?.check { return time }
        return ready?.startPeriod ?? .zero
    }

    /// What a process that waits for its PID file waits for.
    func pidFileWaitText(_ problem: PIDFileProblem? = nil) -> String {
        guard let problem, let pidFile else { return "waits for its PID file" }
        return "waits for its PID file: \(pidFile) \(problem)"
    }

    /// The time until the next readiness probe.
    ///
    /// A declared probe has its own interval. The check of listening sockets is cheap, so its interval begins at 10 ms
    /// and doubles up to 250 ms.
    func readinessInterval(afterTry serial: UInt64) -> Duration {
        if let ready { return ready.interval }
        return min(.milliseconds(250), .milliseconds(10) * Int(1 << min(serial, 5)))
    }
}

public import HeroModel

extension JobLifecycle {
    mutating func handleProbeResult(_ serial: UInt64, refusal: String?, _ context: Context) -> [JobEffect] {
        guard case .starting(var starting) = phase, starting.serial == serial, starting.nextProbeAt == nil else {
            return handleProbeResultWhenReady(serial, refusal: refusal, context)
        }
        starting.wasLastProbeSkipped = false
        if let refusal {
            starting.successes = 0
            starting.lastFailure = refusal
            record.error = refusal
        } else {
            starting.successes += 1
            guard starting.successes < context.action.ready?.successes ?? 1 else {
                record.error = nil
                becomeReady(
                    starting.process,
                    since: context.now,
                    begun: starting.since,
                    after: serial,
                    context
                )
                let inWords = Canonical.duration(.milliseconds((context.now - starting.since).wholeMilliseconds))
                return [.recordEvent(.info, "ready after \(inWords)")]
            }
        }
        starting.nextProbeAt = context.now + context.action.readinessInterval(afterTry: serial)
        phase = .starting(starting)
        return []
    }

    mutating func startProbeIfDue(_ context: Context) -> [JobEffect] {
        guard case .starting(var starting) = phase, let askAt = starting.nextProbeAt, askAt <= context.now else {
            return []
        }
        starting.nextProbeAt = nil
        starting.serial &+= 1
        phase = .starting(starting)
        return [.startProbe(generation: record.generation, serial: starting.serial, .readiness)]
    }
}

extension ActionSpec {
    /// Whether a process of it is asked before it counts as up.
    public var needsReadinessProbe: Bool { ready != nil || declaresListeners }

    /// Time until the next readiness question.
    ///
    /// A probe says it itself. Looking whether the tree listens costs little, so it begins at 10 ms and doubles up to 250 ms.
    func readinessInterval(afterTry serial: UInt64) -> Duration {
        if let ready { return ready.interval }
        return min(.milliseconds(250), .milliseconds(10) * Int(1 << min(serial, 5)))
    }
}

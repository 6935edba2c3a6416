public import HeroModel

extension JobLifecycle {
    /// A start that waits until nothing stands in its way.
    public struct Preparation: Hashable, Sendable {
        /// What was done about it so far.
        public var preconditions = StartPreconditions()
        /// When it is looked next; nil: now.
        public var nextCheckAt: Moment?
        /// How often in a row nothing could be done about it.
        public var refusedStarts = 0
        /// What stands in the way, as it was last seen, in words.
        public var reason: String?
    }

    /// Whether it must be told what stands between its action and a start, by `saw`, before it can go on.
    public var needsBlockerCheck: Bool {
        if case .preparing(let clearing) = phase { clearing.nextCheckAt == nil } else { false }
    }

    /// The first deed on the way to a start: looking, where the action binds something or is one of a kind.
    mutating func prepareStart(_ context: Context) -> [JobEffect] {
        guard context.action.hasStartPreconditions else { return launch(context) }
        phase = .preparing(Preparation())
        return []
    }

    mutating func handleBlockersChecked(_ obstacles: StartBlockers, _ context: Context) -> [JobEffect] {
        guard case .preparing(var clearing) = phase, clearing.nextCheckAt == nil else { return [] }
        let rules = StartPreconditions.Rules(context.action)
        let (deeds, verdict) = clearing.preconditions.check(obstacles, rules, now: context.now)
        let effects = deeds.flatMap(Self.jobEffects)
        switch verdict {
        case .satisfied:
            return effects + launch(after: clearing.refusedStarts, context)
        case .recheck(let moment):
            clearing.nextCheckAt = moment
            phase = .preparing(clearing)
            return effects
        case .blocked(let reason):
            // It is nobody's crash: neither the tries nor the restarts count it, and it never gives up (reliability.md RS-4).
            clearing.refusedStarts &+= 1
            let delay = context.action.retry.delay(afterAttempt: clearing.refusedStarts, random: context.random)
            clearing.nextCheckAt = context.now + max(delay, .milliseconds(50))
            clearing.preconditions = StartPreconditions()
            let isNews = clearing.reason != reason
            clearing.reason = reason
            record.error = reason
            phase = .preparing(clearing)
            return effects + (isNews ? [.recordEvent(.warning, "cannot start yet: \(reason)")] : [])
        }
    }

    private static func jobEffects(_ deed: PreconditionEffect) -> [JobEffect] {
        switch deed {
        case .removeSocket(let file):
            [.recordEvent(.info, "removing socket \(file.path): nobody listens on it"), .removeSocket(file)]
        case .signal(let process, let signal, holding: let resource, allowedBy: let permission):
            [
                .recordEvent(.warning, "sending \(signal) to \(process): holds \(resource) (\(permission))"),
                .signal(process.identity, signal),
            ]
        }
    }
}

extension ActionSpec {
    /// Whether something can stand in the way of its start.
    public var hasStartPreconditions: Bool { singleton || pidFile != nil || !sockets.isEmpty || !tcpPorts.isEmpty }
}

public import HeroModel

extension JobLife {
    /// A start that waits until nothing stands in its way.
    public struct Clearing: Hashable, Sendable {
        /// What was done about it so far.
        public var clearance = Clearance()
        /// When it is looked next; nil: now.
        public var lookAt: Moment?
        /// How often in a row nothing could be done about it.
        public var refusals = 0
        /// What stands in the way, as it was last seen, in words.
        public var reason: String?
    }

    /// Whether it must be told what stands between its action and a start, by `saw`, before it can go on.
    public var wantsLook: Bool {
        if case .clearing(let clearing) = phase { clearing.lookAt == nil } else { false }
    }

    /// The first deed on the way to a start: looking, where the action binds something or is one of a kind.
    mutating func approach(_ context: Context) -> [JobEffect] {
        guard context.action.mustBeClear else { return launch(context) }
        phase = .clearing(Clearing())
        return []
    }

    mutating func saw(_ obstacles: StartBlockers, _ context: Context) -> [JobEffect] {
        guard case .clearing(var clearing) = phase, clearing.lookAt == nil else { return [] }
        let rules = Clearance.Rules(context.action)
        let (deeds, verdict) = clearing.clearance.look(obstacles, rules, now: context.now)
        let effects = deeds.flatMap(Self.effects)
        switch verdict {
        case .free:
            return effects + launch(after: clearing.refusals, context)
        case .again(let moment):
            clearing.lookAt = moment
            phase = .clearing(clearing)
            return effects
        case .blocked(let reason):
            // It is nobody's crash: neither the tries nor the restarts count it, and it never gives up (reliability.md RS-4).
            clearing.refusals &+= 1
            let delay = context.action.retry.delay(afterAttempt: clearing.refusals, random: context.random)
            clearing.lookAt = context.now + max(delay, .milliseconds(50))
            clearing.clearance = Clearance()
            let isNews = clearing.reason != reason
            clearing.reason = reason
            record.error = reason
            phase = .clearing(clearing)
            return effects + (isNews ? [.note(.warning, "cannot start yet: \(reason)")] : [])
        }
    }

    private static func effects(_ deed: ClearanceEffect) -> [JobEffect] {
        switch deed {
        case .removeSocket(let file):
            [.note(.info, "removing socket \(file.path): nobody listens on it"), .removeSocket(file)]
        case .stop(let process, let signal, holding: let resource, allowedBy: let permission):
            [
                .note(.warning, "sending \(signal) to \(process): holds \(resource) (\(permission))"),
                .signal(process.identity, signal),
            ]
        }
    }
}

extension ActionSpec {
    /// Whether something can stand in the way of its start.
    public var mustBeClear: Bool { singleton || pidFile != nil || !sockets.isEmpty || !tcpPorts.isEmpty }
}

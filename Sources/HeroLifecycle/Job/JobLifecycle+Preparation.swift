public import HeroModel

extension JobLifecycle {
    /// A start that waits until it has no blockers.
    public struct Preparation: Hashable, Sendable {
        /// The state of the checks and stops of this start.
        public var preconditions = StartPreconditions()
        /// When the blockers are checked next; nil means now.
        public var nextCheckAt: Moment?
        /// The number of consecutive starts that were blocked or refused.
        public var refusedStarts = 0
        /// Why the start is blocked, as of the last check.
        public var reason: String?
    }

    /// Whether the job needs a `blockersChecked` event before it can continue.
    public var needsBlockerCheck: Bool {
        if case .preparing(let preparation) = phase { preparation.nextCheckAt == nil } else { false }
    }

    /// Takes the first step of a start: a blocker check if the action has preconditions, otherwise the launch.
    mutating func prepareStart(_ context: Context) -> [JobEffect] {
        guard context.action.hasStartPreconditions else { return launch(context) }
        phase = .preparing(Preparation())
        return []
    }

    mutating func handleBlockersChecked(_ blockers: StartBlockers, _ context: Context) -> [JobEffect] {
        guard case .preparing(var preparation) = phase, preparation.nextCheckAt == nil else { return [] }
        var rules = StartPreconditions.Rules(context.action)
        rules.pastStarts = [record.pastStart, context.formerStart].compactMap(\.self)
        rules.bootedAt = WallTime(microseconds: context.time.microseconds &- context.now.nanoseconds / 1000)
        let (effects, result) = preparation.preconditions.check(blockers, rules, now: context.now)
        let jobEffects = effects.flatMap(Self.jobEffects)
        switch result {
        case .satisfied:
            return jobEffects + launch(refusedStarts: preparation.refusedStarts, context)
        case .recheck(let moment):
            preparation.nextCheckAt = moment
            phase = .preparing(preparation)
            return jobEffects
        case .blocked(let reason):
            // The program is not to blame: neither attempts nor restarts count it, and the job never gives up (RS-4).
            preparation.refusedStarts &+= 1
            let delay = context.action.retry.delay(afterAttempt: preparation.refusedStarts, random: context.random)
            preparation.nextCheckAt = context.now + max(delay, .milliseconds(50))
            preparation.preconditions = StartPreconditions()
            let isNewReason = preparation.reason != reason
            preparation.reason = reason
            record.error = reason
            phase = .preparing(preparation)
            return jobEffects + (isNewReason ? [.recordEvent(.warning, "cannot start yet: \(reason)")] : [])
        }
    }

    private static func jobEffects(_ effect: PreconditionEffect) -> [JobEffect] {
        switch effect {
        case .removeSocket(let file):
            [
                .recordEvent(.info, "removing socket \(file.path) because no process listens on it"),
                .removeSocket(file),
            ]
        case .removePIDFile(let file):
            [
                .recordEvent(.info, "removing PID file \(file.path) of an earlier start"),
                .removePIDFile(file),
            ]
        case .keepPIDFile(let path, because: let reason):
            [.recordEvent(.warning, "PID file \(path) is not removed before the start: \(reason)")]
        case .signal(let process, let signal, holding: let resource, allowedBy: let key):
            [
                .recordEvent(.warning, "sending \(signal) to \(process) because it holds \(resource) (\(key))"),
                .signal(process.identity, signal),
            ]
        }
    }
}

extension ActionSpec {
    /// Whether the start of the action can be blocked.
    public var hasStartPreconditions: Bool {
        singleton || pidFile != nil || !sockets.isEmpty || !tcpPorts.isEmpty
    }
}

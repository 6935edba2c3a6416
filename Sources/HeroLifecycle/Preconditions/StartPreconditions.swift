public import HeroModel

/// Clearing the way to one start: what contract section 7 does before every start of an action.
///
/// It sees obstacles again and again, and says each time what is done about them and when it wants to look next. It knows
/// nothing of the machine: who holds what, and who must never be touched, are facts it is given.
public struct StartPreconditions: Hashable, Sendable {
    /// What an action allows.
    public struct Rules: Hashable, Sendable {
        /// One instance on this machine.
        public var isSingleton: Bool
        /// Strangers that hold what it binds may be stopped.
        public var killsOthers: Bool
        /// The ports it declares as shared.
        public var sharedPorts: Set<TCPEndpoint>
        /// How whoever is in the way is ended.
        public var stop: StopPolicy

        /// Takes them from an action.
        public init(_ action: ActionSpec) {
            isSingleton = action.singleton
            killsOthers = action.killsOthers
            sharedPorts = Set(action.tcpPorts.filter(\.isShared).map(\.endpoint))
            stop = action.stop
        }

        /// The key that allows to stop somebody; nil: none does.
        func keyAllowingStop(isInstance: Bool) -> String? {
            if isSingleton, isInstance { return "singleton" }
            return killsOthers ? "kill_others" : nil
        }
    }

    /// What follows from a look.
    public enum CheckResult: Hashable, Sendable {
        /// Nothing is in the way.
        case satisfied
        /// Something was done about it: look again then.
        case recheck(at: Moment)
        /// Nothing can be done about it now, for this reason: try again later.
        case blocked(String)
    }

    /// A process that was told to end.
    private struct PendingStop: Hashable, Sendable {
        var process: ForeignProcess
        var resource: ClaimedResource
        /// The key that allows it.
        var allowedBy: String
        /// When it gets its first signal; those below another victim wait for that one.
        var signalAt: Moment
        var isSignalled = false
        /// When SIGKILL follows.
        var killAt: Moment
    }

    private var pendingStops: [PendingStop] = []
    /// How often somebody new had taken the place of those who were stopped.
    private var stopRounds = 0
    /// How often socket files were removed: one that comes back again and again is no endless loop.
    private var socketRemovals = 0

    /// How many times somebody may be stopped for one start (reliability.md PF-3, RC-3).
    private static let maxRounds = 3
    /// How long those below another victim are waited for (reliability.md RC-3).
    private static let descendantGracePeriod = Duration.milliseconds(500)
    /// Between two looks while somebody ends.
    private static let recheckInterval = Duration.milliseconds(50)

    /// Begins with nothing done.
    public init() {}

    /// Takes in what was seen.
    ///
    /// - Parameters:
    ///   - obstacles: What is in the way now.
    ///   - rules: What the action allows.
    ///   - now: The boot clock.
    /// - Returns: What to do, in this order, and what follows.
    public mutating func check(_ obstacles: StartBlockers, _ rules: Rules, now: Moment) -> (
        [PreconditionEffect], CheckResult
    ) {
        let (taken, refusal) = Self.findStoppableHolders(obstacles, rules)
        if let refusal { return ([], .blocked(refusal)) }
        if !taken.isEmpty { return stopHolders(taken, rules, now) }
        // Those who were stopped hold nothing any more.
        pendingStops = []
        if !obstacles.staleSockets.isEmpty {
            socketRemovals += 1
            guard socketRemovals <= Self.maxRounds else {
                let path = obstacles.staleSockets.first?.path ?? ""
                return ([], .blocked("socket \(path) was removed \(Self.maxRounds) times and is there again"))
            }
            return (obstacles.staleSockets.map(PreconditionEffect.removeSocket), .recheck(at: now))
        }
        if let hindrance = obstacles.unresolved.first { return ([], .blocked(hindrance)) }
        return ([], .satisfied)
    }

    private mutating func stopHolders(
        _ taken: [StoppableHolder],
        _ rules: Rules,
        _ now: Moment
    ) -> ([PreconditionEffect], CheckResult) {
        let present = Set(taken.map(\.process.identity))
        pendingStops.removeAll { !present.contains($0.process.identity) }
        let known = Set(pendingStops.map(\.process.identity))
        let newcomers = taken.filter { !known.contains($0.process.identity) }
        if let one = newcomers.first {
            stopRounds += 1
            guard stopRounds <= Self.maxRounds else {
                return ([], .blocked("\(one.resource) is taken again and again, now by \(one.process)"))
            }
            let pids = Set(taken.map(\.process.identity.pid))
            for target in newcomers {
                let isBelow = !pids.isDisjoint(with: target.process.ancestors)
                pendingStops.append(
                    PendingStop(
                        process: target.process,
                        resource: target.resource,
                        allowedBy: target.allowedBy,
                        signalAt: isBelow ? now + Self.descendantGracePeriod : now,
                        killAt: now + rules.stop.timeout
                    )
                )
            }
        }
        var effects: [PreconditionEffect] = []
        for index in pendingStops.indices {
            let victim = pendingStops[index]
            let isLate = victim.killAt <= now
            guard isLate || (!victim.isSignalled && victim.signalAt <= now) else { continue }
            pendingStops[index].isSignalled = true
            // A kill can be lost with the process that was to deliver it: asked again once a second.
            if isLate { pendingStops[index].killAt = now + .seconds(1) }
            effects.append(
                .signal(
                    victim.process,
                    isLate ? .kill : rules.stop.signal,
                    holding: victim.resource,
                    allowedBy: victim.allowedBy
                )
            )
        }
        return (effects, .recheck(at: now + Self.recheckInterval))
    }
}

/// What is done to clear the way.
public enum PreconditionEffect: Hashable, Sendable {
    /// Remove a socket file that nobody holds.
    case removeSocket(SocketFile)
    /// Send a signal to a process that is in the way; an event says so (reliability.md RC-5).
    case signal(ForeignProcess, Signal, holding: ClaimedResource, allowedBy: String)
}

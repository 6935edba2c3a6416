public import HeroModel

/// Clearing the way to one start: what contract section 7 does before every start of an action.
///
/// It sees obstacles again and again, and says each time what is done about them and when it wants to look next. It knows
/// nothing of the machine: who holds what, and who must never be touched, are facts it is given.
public struct Clearance: Hashable, Sendable {
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
        func permission(isInstance: Bool) -> String? {
            if isSingleton, isInstance { return "singleton" }
            return killsOthers ? "kill_others" : nil
        }
    }

    /// What follows from a look.
    public enum Verdict: Hashable, Sendable {
        /// Nothing is in the way.
        case free
        /// Something was done about it: look again then.
        case again(at: Moment)
        /// Nothing can be done about it now, for this reason: try again later.
        case blocked(String)
    }

    /// A process that was told to end.
    private struct Victim: Hashable, Sendable {
        var process: ForeignProcess
        var resource: ClaimedResource
        /// The key that allows it.
        var permission: String
        /// When it gets its first signal; those below another victim wait for that one.
        var signalAt: Moment
        var wasSignalled = false
        /// When SIGKILL follows.
        var killAt: Moment
    }

    private var victims: [Victim] = []
    /// How often somebody new had taken the place of those who were stopped.
    private var rounds = 0
    /// How often socket files were removed: one that comes back again and again is no endless loop.
    private var removals = 0

    /// How many times somebody may be stopped for one start (reliability.md PF-3, RC-3).
    private static let mostRounds = 3
    /// How long those below another victim are waited for (reliability.md RC-3).
    private static let grace = Duration.milliseconds(500)
    /// Between two looks while somebody ends.
    private static let pause = Duration.milliseconds(50)

    /// Begins with nothing done.
    public init() {}

    /// Takes in what was seen.
    ///
    /// - Parameters:
    ///   - obstacles: What is in the way now.
    ///   - rules: What the action allows.
    ///   - now: The boot clock.
    /// - Returns: What to do, in this order, and what follows.
    public mutating func look(_ obstacles: StartBlockers, _ rules: Rules, now: Moment) -> ([ClearanceEffect], Verdict) {
        let (taken, refusal) = Self.sort(obstacles, rules)
        if let refusal { return ([], .blocked(refusal)) }
        if !taken.isEmpty { return end(taken, rules, now) }
        // Those who were stopped hold nothing any more.
        victims = []
        if !obstacles.staleSockets.isEmpty {
            removals += 1
            guard removals <= Self.mostRounds else {
                let path = obstacles.staleSockets.first?.path ?? ""
                return ([], .blocked("socket \(path) was removed \(Self.mostRounds) times and is there again"))
            }
            return (obstacles.staleSockets.map(ClearanceEffect.removeSocket), .again(at: now))
        }
        if let hindrance = obstacles.unresolved.first { return ([], .blocked(hindrance)) }
        return ([], .free)
    }

    private mutating func end(
        _ taken: [Target],
        _ rules: Rules,
        _ now: Moment
    ) -> ([ClearanceEffect], Verdict) {
        let present = Set(taken.map(\.process.identity))
        victims.removeAll { !present.contains($0.process.identity) }
        let known = Set(victims.map(\.process.identity))
        let newcomers = taken.filter { !known.contains($0.process.identity) }
        if let one = newcomers.first {
            rounds += 1
            guard rounds <= Self.mostRounds else {
                return ([], .blocked("\(one.resource) is taken again and again, now by \(one.process)"))
            }
            let pids = Set(taken.map(\.process.identity.pid))
            for target in newcomers {
                let isBelow = !pids.isDisjoint(with: target.process.ancestors)
                victims.append(
                    Victim(
                        process: target.process,
                        resource: target.resource,
                        permission: target.permission,
                        signalAt: isBelow ? now + Self.grace : now,
                        killAt: now + rules.stop.timeout
                    )
                )
            }
        }
        var effects: [ClearanceEffect] = []
        for index in victims.indices {
            let victim = victims[index]
            let isLate = victim.killAt <= now
            guard isLate || (!victim.wasSignalled && victim.signalAt <= now) else { continue }
            victims[index].wasSignalled = true
            // A kill can be lost with the process that was to deliver it: asked again once a second.
            if isLate { victims[index].killAt = now + .seconds(1) }
            effects.append(
                .stop(
                    victim.process,
                    isLate ? .kill : rules.stop.signal,
                    holding: victim.resource,
                    allowedBy: victim.permission
                )
            )
        }
        return (effects, .again(at: now + Self.pause))
    }
}

/// What is done to clear the way.
public enum ClearanceEffect: Hashable, Sendable {
    /// Remove a socket file that nobody holds.
    case removeSocket(SocketFile)
    /// Send a signal to a process that is in the way; an event says so (reliability.md RC-5).
    case stop(ForeignProcess, Signal, holding: ClaimedResource, allowedBy: String)
}

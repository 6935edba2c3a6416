public import HeroModel

/// The preconditions of one start (contract section 7): no other process holds the resources of the action.
///
/// `check` receives the blockers as they are now. It returns the effects that remove blockers and the time of the next
/// check. Which process holds a resource, and which process must never be signalled, are inputs.
public struct StartPreconditions: Hashable, Sendable {
    /// What the action allows.
    public struct Rules: Hashable, Sendable {
        /// Only one instance of the action may run on this machine.
        public var isSingleton: Bool
        /// Other processes that hold the resources of the action may be stopped.
        public var killsOthers: Bool
        /// The ports that the action declares as shared.
        public var sharedPorts: Set<TCPEndpoint>
        /// How a holder is stopped.
        public var stop: StopPolicy
        /// The recorded starts of the action that have ended: the last one of this job and of the job before it.
        public var pastStarts: [PastStart] = []
        /// When this machine was started.
        public var bootedAt = WallTime(microseconds: 0)

        /// Reads the rules of an action.
        public init(_ action: ActionSpec) {
            isSingleton = action.singleton
            killsOthers = action.killsOthers
            sharedPorts = Set(action.tcpPorts.filter(\.isShared).map(\.endpoint))
            stop = action.stop
        }

        /// The manifest key that allows to stop a holder; nil if none does.
        func keyAllowingStop(isInstance: Bool) -> String? {
            StopPermission.granted(isSingleton: isSingleton, killsOthers: killsOthers, isInstance: isInstance)?.rawValue
        }
    }

    /// The result of a check.
    public enum CheckResult: Hashable, Sendable {
        /// The start has no blockers.
        case satisfied
        /// Effects remove blockers; check again at this time.
        case recheck(at: Moment)
        /// The blockers cannot be removed, for this reason; try again later.
        case blocked(String)
    }

    /// A holder that is being stopped.
    private struct PendingStop: Hashable, Sendable {
        var process: ForeignProcess
        var resource: ClaimedResource
        /// The manifest key that allows the stop.
        var allowedBy: String
        /// When the first signal is sent; a descendant of another stopped holder is signalled later.
        var signalAt: Moment
        var isSignalled = false
        /// When SIGKILL is sent.
        var killAt: Moment
    }

    private var pendingStops: [PendingStop] = []
    /// How often new holders had to be stopped.
    private var stopRounds = 0
    /// How often socket files were removed; the limit prevents an endless loop.
    private var socketRemovals = 0
    /// How often the PID file was removed.
    private var pidFileRemovals = 0

    /// The maximum number of stop rounds and of removals of one start (PF-3, RC-3).
    private static let maxRounds = 3
    /// How long a descendant of another stopped holder may take to exit by itself (RC-3).
    private static let descendantGracePeriod = Duration.milliseconds(500)
    /// The time between two checks while a holder is being stopped.
    private static let recheckInterval = Duration.milliseconds(50)

    /// Begins without any effect.
    public init() {}

    /// Checks the blockers of a start.
    ///
    /// - Parameters:
    ///   - blockers: The current blockers.
    ///   - rules: What the action allows.
    ///   - now: The boot clock.
    /// - Returns: The effects to carry out, in this order, and the result of the check.
    public mutating func check(
        _ blockers: StartBlockers,
        _ rules: Rules,
        now: Moment
    ) -> ([PreconditionEffect], CheckResult) {
        let (stoppable, blockedReason) = Self.findStoppableHolders(blockers, rules)
        if let blockedReason { return ([], .blocked(blockedReason)) }
        if !stoppable.isEmpty { return stopHolders(stoppable, rules, now) }
        // The stopped processes hold nothing any more.
        pendingStops = []
        if !blockers.staleSockets.isEmpty {
            socketRemovals += 1
            guard socketRemovals <= Self.maxRounds else {
                let path = blockers.staleSockets.first?.path ?? ""
                return ([], .blocked("socket \(path) was removed \(Self.maxRounds) times and exists again"))
            }
            return (blockers.staleSockets.map(PreconditionEffect.removeSocket), .recheck(at: now))
        }
        if let reason = blockers.unresolved.first { return ([], .blocked(reason)) }
        guard let file = blockers.leftPIDFile else { return ([], .satisfied) }
        if let reason = PIDFileRemoval.refusal(file, rules.pastStarts, bootedAt: rules.bootedAt) {
            return ([.keepPIDFile(file.path, because: reason)], .satisfied)
        }
        pidFileRemovals += 1
        guard pidFileRemovals <= Self.maxRounds else {
            return ([.keepPIDFile(file.path, because: "it cannot be removed")], .satisfied)
        }
        return ([.removePIDFile(file)], .recheck(at: now))
    }

    private mutating func stopHolders(
        _ stoppable: [StoppableHolder],
        _ rules: Rules,
        _ now: Moment
    ) -> ([PreconditionEffect], CheckResult) {
        let present = Set(stoppable.map(\.process.identity))
        pendingStops.removeAll { !present.contains($0.process.identity) }
        let known = Set(pendingStops.map(\.process.identity))
        let newHolders = stoppable.filter { !known.contains($0.process.identity) }
        if let first = newHolders.first {
            stopRounds += 1
            guard stopRounds <= Self.maxRounds else {
                let reason = "\(first.resource) is held again after \(Self.maxRounds) stops, now by \(first.process)"
                return ([], .blocked(reason))
            }
            let pids = Set(stoppable.map(\.process.identity.pid))
            for holder in newHolders {
                let isDescendant = !pids.isDisjoint(with: holder.process.ancestors)
                pendingStops.append(
                    PendingStop(
                        process: holder.process,
                        resource: holder.resource,
                        allowedBy: holder.allowedBy,
                        signalAt: isDescendant ? now + Self.descendantGracePeriod : now,
                        killAt: now + rules.stop.timeout
                    )
                )
            }
        }
        var effects: [PreconditionEffect] = []
        for index in pendingStops.indices {
            let pendingStop = pendingStops[index]
            let isKill = pendingStop.killAt <= now
            guard isKill || (!pendingStop.isSignalled && pendingStop.signalAt <= now) else { continue }
            pendingStops[index].isSignalled = true
            // A kill can be lost if the reconciler crashes before it is sent, so it is repeated once a second.
            if isKill { pendingStops[index].killAt = now + .seconds(1) }
            effects.append(
                .signal(
                    pendingStop.process,
                    isKill ? .kill : rules.stop.signal,
                    holding: pendingStop.resource,
                    allowedBy: pendingStop.allowedBy
                )
            )
        }
        return (effects, .recheck(at: now + Self.recheckInterval))
    }
}

/// An effect that removes a blocker of a start.
public enum PreconditionEffect: Hashable, Sendable {
    /// Remove a socket file that no process holds.
    case removeSocket(SocketFile)
    /// Remove a PID file that an earlier start of the action has left behind.
    case removePIDFile(LeftPIDFile)
    /// Keep the PID file, and warn.
    case keepPIDFile(String, because: String)
    /// Send a signal to a process that holds a resource; an event reports it (RC-5).
    case signal(ForeignProcess, Signal, holding: ClaimedResource, allowedBy: String)
}

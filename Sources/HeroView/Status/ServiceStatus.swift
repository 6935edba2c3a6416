public import HeroModel

/// The state of one service.
public struct ServiceStatus: Hashable, Sendable {
    /// The service.
    public var name: QualifiedName
    /// The class of the service.
    public var serviceClass: ServiceClass
    /// The declared status; nil if no manifest declares the service any more, so that it should be down.
    public var wanted: DesiredStatus?
    /// Whether `down` stopped it until the next apply although its status is start.
    public var isStoppedByDown = false
    /// Its change that a hold or a window defers; nil without one.
    public var deferred: DeferredChange?
    /// The current state.
    public var state: ServiceState
    /// The time of the last change of the state; nil if it was never applied.
    public var since: WallTime?
    /// Its current or last run.
    public var run: RunID?
    /// The services it waits for when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Its actions with `once` of which it is unknown whether they have run, so that it is blocked.
    public var unknownOnce: [String] = []
    /// Its actions, in the order of their starts.
    public var actions: [ActionStatus]

    /// Creates a status.
    public init(
        name: QualifiedName,
        serviceClass: ServiceClass = .user,
        wanted: DesiredStatus?,
        state: ServiceState,
        since: WallTime? = nil,
        run: RunID? = nil,
        blockedBy: [QualifiedName] = [],
        actions: [ActionStatus] = []
    ) {
        self.name = name
        self.serviceClass = serviceClass
        self.wanted = wanted
        self.state = state
        self.since = since
        self.run = run
        self.blockedBy = blockedBy
        self.actions = actions
    }

    /// Whether it is blocked only until its turn: all services that it waits for are coming up.
    ///
    /// This is normal in every apply with several start waves and needs no attention.
    func isWaitingForTurn(for others: [QualifiedName: ServiceStatus]) -> Bool {
        var seen: Set<QualifiedName> = []
        var rest = [self]
        while let service = rest.popLast() {
            guard service.state == .blocked, service.wanted == .start, !service.blockedBy.isEmpty else { return false }
            for name in service.blockedBy where seen.insert(name).inserted {
                guard let other = others[name] else { return false }
                switch other.state {
                case .starting, .running, .exited: break
                case .blocked: rest.append(other)
                case .stopped, .stopping, .degraded, .backingOff, .failed: return false
                }
            }
        }
        return true
    }

    /// What it waits for although no service blocks it; nil if there is nothing.
    var onceText: String? {
        guard state == .blocked, let action = unknownOnce.first else { return nil }
        return "it is unknown whether \(action) has run; raise its `generation` to run it"
    }

    /// Whether the state is the wanted one; with status ignore every state is.
    ///
    /// A probe that has failed fewer times than its `failures` does not change the state.
    public var isAsWanted: Bool {
        // Until its start or stop is made, the service stays as it is.
        if let deferred, deferred.action == "start" || deferred.action == "stop" { return true }
        return switch wanted {
        case .start: state.isUp && !actions.contains { $0.reloadFailure != nil }
        // A failed service has no running process.
        case .stop, .spec, nil: state == .stopped || state == .failed
        case .ignore: true
        }
    }
}

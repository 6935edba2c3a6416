public import HeroModel

/// The current state: the records, checked against the kernel.
public struct Observed: Hashable, Sendable {
    /// The last applied revision; 0 if there is none.
    public var revision: RevisionNumber
    /// Every service that has a record because its start was requested at least once.
    public var services: [QualifiedName: ObservedService]
    /// Every standalone action that was applied and has a record.
    public var standalone: [QualifiedName: ObservedStandalone]
    /// Processes that hold ports, sockets or PID files of declared actions and are not jobs of these actions.
    public var holders: [ObservedHolder]
    /// The limits that the machine can enforce; nil if the plan is made without a machine.
    public var machine: ContainmentSupport?
    /// The history of actions with `once`.
    public var once = OnceHistory()
    /// Starts that would fail on this machine; empty if that was not checked.
    public var startProblems: [ObservedStartProblem] = []

    /// Creates an observed state.
    public init(
        revision: RevisionNumber = 0,
        services: [QualifiedName: ObservedService] = [:],
        standalone: [QualifiedName: ObservedStandalone] = [:],
        holders: [ObservedHolder] = [],
        machine: ContainmentSupport? = nil
    ) {
        self.revision = revision
        self.services = services
        self.standalone = standalone
        self.holders = holders
        self.machine = machine
    }
}

/// The current state of one standalone action.
public struct ObservedStandalone: Hashable, Sendable {
    /// The spec that was last applied.
    public var canonical: CanonicalSpec
    /// Whether one of its jobs is running or retrying.
    public var isActive: Bool
    /// Whether its schedule is active; `down` pauses the schedule, and the next apply resumes it.
    public var isScheduled: Bool
    /// The run that `run_on` or a raised generation has requested.
    public var requestedRun: RequestedRun
    /// Whether its last run has failed.
    public var hasFailed: Bool

    /// Creates an observed state of a standalone action.
    public init(
        canonical: CanonicalSpec,
        isActive: Bool,
        isScheduled: Bool,
        requestedRun: RequestedRun = .none,
        hasFailed: Bool = false
    ) {
        self.hasFailed = hasFailed
        self.canonical = canonical
        self.isActive = isActive
        self.isScheduled = isScheduled
        self.requestedRun = requestedRun
    }

    /// Whether a requested run has failed, so that an apply of a person starts it again.
    ///
    /// Earlier versions did not record that a run has begun; for actions that run on apply the last job decides too.
    func isLeftFailed(_ spec: ActionSpec) -> Bool {
        guard !isActive else { return false }
        return switch requestedRun {
        case .begun: true
        case .pending: false
        case .none: hasFailed && spec.runOn == .apply
        }
    }
}

/// The current state of one service.
public struct ObservedService: Hashable, Sendable {
    /// The spec with which it was last started or updated in place.
    public var canonical: CanonicalSpec
    /// The `requires` with a cascade recorded at the last start; they order its stop, whatever the manifests declare
    /// now.
    public var requires: [QualifiedName]
    /// The other `requires`, the `after` and the `wants` recorded at the last start.
    public var after: [QualifiedName]
    /// The `conflicts` recorded at the last start.
    public var conflicts: [QualifiedName]
    /// The class recorded at the last start.
    public var serviceClass: ServiceClass
    /// The recorded state.
    ///
    /// A service in `backingOff` is retried, one in `failed` is not, and one in `degraded` has an action that is not
    /// restarted automatically.
    public var state: ServiceState
    /// Whether a process of the service may still be running, so that it must be stopped before it counts as down.
    public var isActive: Bool
    /// The drift of the service, except for what `Observed.holders` contains.
    public var drift: [Drift]
    /// The failing health check, as text, if the service is up but does not respond; an apply restarts the service.
    public var unhealthy: String?
    /// What has ended or waits for its next try while no reconciler is running, as text; nil if nothing has.
    ///
    /// The next reconciler starts it again within the same run, so dependents are not affected.
    public var notRunning: String?
    /// What its current run has reached besides the state.
    public var milestones = ReachedMilestones()
    /// The whole spec of `canonical`; nil if it was not read.
    public var spec: ServiceSpec?
    /// The last declared status that was not deferred; nil if none is recorded.
    public var wanted: DesiredStatus?
    /// The last declared hold.
    public var hold: Hold?
    /// The files whose content belongs to the spec; empty if they were not read.
    public var contents: [ObservedContent] = []
    /// Why its last reload has failed; nil if none has failed since its start.
    public var reloadFailure: ReloadFailure?

    /// Creates an observed state of a service.
    public init(
        canonical: CanonicalSpec,
        requires: [QualifiedName] = [],
        after: [QualifiedName] = [],
        conflicts: [QualifiedName] = [],
        serviceClass: ServiceClass = .user,
        state: ServiceState,
        isActive: Bool,
        drift: [Drift] = [],
        unhealthy: String? = nil,
        notRunning: String? = nil
    ) {
        self.canonical = canonical
        self.requires = requires
        self.after = after
        self.conflicts = conflicts
        self.serviceClass = serviceClass
        self.state = state
        self.isActive = isActive
        self.drift = drift
        self.unhealthy = unhealthy
        self.notRunning = notRunning
    }

    /// Whether programs of the service run, so that a stop interrupts something.
    var isRunning: Bool {
        switch state {
        case .running, .degraded: true
        case .starting, .backingOff, .exited, .stopped, .blocked, .stopping, .failed: false
        }
    }

    /// Whether a process that is recorded as running no longer exists.
    public var hasMissingProcess: Bool { drift.contains { $0.kind == .processGone } }

    /// Whether a stop has anything to do: a process may still run, or the service counts as up (`exited`) or is
    /// about to run.
    ///
    /// A service that is recorded as up and whose processes are gone is not started: its next start needs no stop.
    public var isStarted: Bool {
        if isActive { return true }
        switch state {
        case .stopped, .blocked, .failed: return false
        case .starting, .running, .degraded, .backingOff, .stopping, .exited: return !hasMissingProcess
        }
    }
}

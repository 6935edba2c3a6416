public import HeroModel

/// What is there: the records, checked against the kernel.
public struct Observed: Hashable, Sendable {
    /// The last applied revision; 0 when there is none.
    public var revision: RevisionNumber
    /// Every service that was ever ordered up and has a record.
    public var services: [QualifiedName: ObservedService]
    /// Every standalone action that was applied and has a record.
    public var standalone: [QualifiedName: ObservedStandalone]
    /// Processes that hold what declared actions bind, other than the actions' own jobs.
    public var holders: [ObservedHolder]
    /// What the machine offers for limits; nil where no machine is looked at.
    public var machine: ContainmentSupport?

    /// Makes an observation.
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

/// What is there of one standalone action.
public struct ObservedStandalone: Hashable, Sendable {
    /// What was last applied of it.
    public var canonical: CanonicalSpec
    /// Whether a job of it runs or is tried again.
    public var isActive: Bool
    /// Whether its schedule is counting: a `down` pauses it, an apply lets it go on.
    public var isScheduled: Bool
    /// Whether a run that `run_on` asks for has not begun yet.
    public var isRunPending: Bool

    /// Makes an observation.
    public init(canonical: CanonicalSpec, isActive: Bool, isScheduled: Bool, isRunPending: Bool = false) {
        self.canonical = canonical
        self.isActive = isActive
        self.isScheduled = isScheduled
        self.isRunPending = isRunPending
    }
}

/// What is there of one service.
public struct ObservedService: Hashable, Sendable {
    /// What it was last started (or updated in place) with.
    public var canonical: CanonicalSpec
    /// Its hard requirements as recorded then: they order its stop, whatever the files say now.
    public var requires: [QualifiedName]
    /// What it was ordered after, as recorded: `after` and `wants`.
    public var after: [QualifiedName]
    /// What it must never be up together with, as recorded.
    public var conflicts: [QualifiedName]
    /// Whose it is, as recorded.
    public var serviceClass: ServiceClass
    /// Where it stands.
    ///
    /// `backingOff` heals by itself; `failed` has given up; `degraded` has a part that nothing brings back.
    public var state: ServiceState
    /// Whether anything of it may still run: it must be stopped before it counts as down.
    public var isActive: Bool
    /// Where the machine has left what was recorded, besides what `Observed.holders` says.
    public var drift: [Drift]
    /// What does not answer, in words, when it is up and does not do its work: an apply restarts it.
    public var unhealthy: String?

    /// Makes an observation.
    public init(
        canonical: CanonicalSpec,
        requires: [QualifiedName] = [],
        after: [QualifiedName] = [],
        conflicts: [QualifiedName] = [],
        serviceClass: ServiceClass = .user,
        state: ServiceState,
        isActive: Bool,
        drift: [Drift] = [],
        unhealthy: String? = nil
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
    }

    /// Whether a process of it that is recorded as running is not there any more.
    public var hasMissingProcess: Bool { drift.contains { $0.kind == .processGone } }

    /// Whether a stop has anything to do: something may still run, or it counts as up (`exited`), or is about to run.
    ///
    /// What is recorded as up and has vanished (nothing runs, and drift says so) is not live: it starts without a stop.
    public var isStarted: Bool {
        if isActive { return true }
        switch state {
        case .stopped, .blocked, .failed: return false
        case .starting, .running, .degraded, .backingOff, .stopping, .exited: return !hasMissingProcess
        }
    }
}

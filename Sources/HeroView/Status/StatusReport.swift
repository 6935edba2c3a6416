public import HeroModel

/// What runs, as seen at one moment: the input of `status`.
public struct StatusReport: Hashable, Sendable {
    /// The last applied revision; nil before the first.
    public var revision: RevisionRecord?
    /// The live reconciler; nil when there is none.
    public var reconciler: ReconcilerLockHolder?
    /// The services, in the order in which they are shown.
    public var services: [ServiceStatus]
    /// The standalone actions, in the order in which they are shown.
    public var standalone: [StandaloneStatus]
    /// Why the live reconciler cannot write its database, in its words; nil when it can, and when none lives.
    public var storeOutage: String?
    /// The moment of the report.
    public var now: WallTime

    /// Makes a report.
    public init(
        revision: RevisionRecord?,
        reconciler: ReconcilerLockHolder?,
        services: [ServiceStatus],
        standalone: [StandaloneStatus] = [],
        now: WallTime
    ) {
        self.revision = revision
        self.reconciler = reconciler
        self.services = services
        self.standalone = standalone
        self.now = now
    }

    /// Services that are recorded as blocked and have only to wait for their turn.
    var waitingServices: Set<QualifiedName> {
        guard services.contains(where: { $0.state == .blocked }) else { return [] }
        let byName = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(services.lazy.filter { $0.isWaitingForTurn(for: byName) }.map(\.name))
    }

    /// Whether `status` exits 0: every service is as it is wanted, and no standalone action's last run failed.
    public var isAllAsWanted: Bool { services.allSatisfy(\.isAsWanted) && standalone.allSatisfy(\.isAsWanted) }
}

/// Where one service stands.
public struct ServiceStatus: Hashable, Sendable {
    /// The service.
    public var name: QualifiedName
    /// Whose it is.
    public var serviceClass: ServiceClass
    /// What its manifest wants; nil when nothing declares it any more, which is to be down.
    public var wanted: DesiredStatus?
    /// Whether its manifest wants it up, and a `down` keeps it from that until the next apply.
    public var isStoppedByDown = false
    /// Where it stands.
    public var state: ServiceState
    /// Since when; nil when it was never touched.
    public var since: WallTime?
    /// Its current or last run.
    public var run: RunID?
    /// What it waits for, when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Its actions, in their order of starting.
    public var actions: [ActionStatus]

    /// Makes a status.
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

    /// Whether it is recorded as blocked and has only to wait for its turn: all that it waits for is on its way up.
    ///
    /// A stage of every apply with more than one start wave, and nothing to be done about.
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

    /// Whether it stands where it is wanted; `ignore` wants nothing.
    public var isAsWanted: Bool {
        switch wanted {
        case .start: state.isUp
        // What gave up has nothing left that runs.
        case .stop, .spec, nil: state == .stopped || state == .failed
        case .ignore: true
        }
    }
}

/// Where one action of a service stands: the words of its current or last job.
public struct ActionStatus: Hashable, Sendable {
    /// The action.
    public var name: String
    /// Its job; nil when it never had one.
    public var job: JobID?
    /// Where the job stands.
    public var phase: JobPhase?
    /// The pid of its main program, while there is one.
    public var pid: Int32?
    /// What holds its tree together, while it runs.
    public var containment: ContainmentSupport.Method?
    /// Whether it is ready.
    public var isReady: Bool
    /// What its health probe says; nil where it has none.
    public var isHealthy: Bool?
    /// Tries since it was last stable.
    public var attempt: Int
    /// Programs executed again in this job.
    public var restartCount: Int
    /// When its program last executed.
    public var startedAt: WallTime?
    /// How it last ended.
    public var outcome: Outcome?
    /// When it is tried again.
    public var nextRetryAt: WallTime?
    /// Why it is where it is, in words.
    public var error: String?
    /// What its program says of itself while it runs; nil where it may not speak.
    public var notifyState: NotifyState?

    /// Makes the status of an action that has no job.
    public init(name: String) {
        self.name = name
        isReady = false
        attempt = 0
        restartCount = 0
    }

    /// Takes the words of a job.
    public init(_ job: JobRecord) {
        name = job.action
        self.job = job.id
        phase = job.phase
        pid = job.runningPID
        isReady = job.isReady
        isHealthy = job.isHealthy
        attempt = job.attempt
        restartCount = job.restartCount
        startedAt = job.startedAt
        outcome = job.outcome
        nextRetryAt = job.phase == .retrying ? job.nextRetryAt : nil
        error = job.error
    }
}

extension ActionStatus {
    /// What its program last gave as its status; nil where it gave none, or an empty one.
    var statusText: String? { notifyState?.status.flatMap { $0.isEmpty ? nil : $0 } }

    /// What is worth a word about what its program says.
    var notifyTexts: [String] {
        ((notifyState?.isReloading ?? false) ? ["reloading"] : []) + (statusText.map { ["says: \($0)"] } ?? [])
    }
}

extension JobRecord {
    /// The pid of its program while it runs.
    ///
    /// A recorded process of a start that is over is history: its number may be another's by now.
    var runningPID: Int32? { phase == .running ? process?.pid : nil }

    /// Why it is where it is: the recorded words, or its last end where that was no exit.
    var problem: String? {
        if let error { return error }
        switch outcome {
        case .outOfMemory, .startFailed, .lost: return outcome?.description
        case .exited, .signaled, nil: return nil
        }
    }
}

extension Outcome {
    /// The exit code; nil for every other end.
    var exitCode: Int32? {
        switch self {
        case .exited(let code): code
        case .signaled, .outOfMemory, .startFailed, .lost: nil
        }
    }

    /// The signal that ended it; nil for every other end.
    var signal: Signal? {
        switch self {
        case .signaled(let signal, coreDumped: _): signal
        case .outOfMemory: .kill
        case .exited, .startFailed, .lost: nil
        }
    }
}

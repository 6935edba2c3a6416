public import HeroModel

/// The state of one action of a service: that of its current or last job.
public struct ActionStatus: Hashable, Sendable {
    /// The action.
    public var name: String
    /// Its job; nil if it never had one.
    public var job: JobID?
    /// The phase of the job.
    public var phase: JobPhase?
    /// The PID of its main process while it is running.
    public var pid: Int32?
    /// What contains its process tree while it is running.
    public var containment: ContainmentSupport.Method?
    /// Whether it is ready.
    public var isReady: Bool
    /// The result of its health probe; nil without one.
    public var isHealthy: Bool?
    /// The number of attempts since it was last stable.
    public var attempt: Int
    /// The number of restarts of its program in this job.
    public var restartCount: Int
    /// When its program was last executed.
    public var startedAt: WallTime?
    /// How it last ended.
    public var outcome: Outcome?
    /// The time of the next retry.
    public var nextRetryAt: WallTime?
    /// The reason of its state, as text.
    public var error: String?
    /// When it succeeded before the current run, so that it does not run again; nil if it did not.
    public var ranOnceAt: WallTime?
    /// Why its last reload has failed; nil if none has failed since its start.
    public var reloadFailure: String?
    /// The notifications of its running program; nil if it may not send any.
    public var notifyState: NotifyState?

    /// Creates the status of an action without a job.
    public init(name: String) {
        self.name = name
        isReady = false
        attempt = 0
        restartCount = 0
    }

    /// Creates the status of a job.
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
        if job.phase == .succeeded, job.executions == 0, job.error == nil { ranOnceAt = job.finishedAt }
        reloadFailure = job.phase == .running ? job.reloadFailure?.text : nil
    }
}

extension ActionStatus {
    /// The last `STATUS` notification of its program; nil if there is none or it is empty.
    var statusText: String? { notifyState?.status.flatMap { $0.isEmpty ? nil : $0 } }

    /// That it has run once and does not run again; nil for any other action.
    var onceText: String? { ranOnceAt.map { "ran once at \($0.textToSecond), not run again" } }

    /// The failed reload and the notifications, as far as they are worth showing.
    var notifyTexts: [String] {
        (reloadFailure.map { ["reload failed: \($0)"] } ?? [])
            + ((notifyState?.isReloading ?? false) ? ["reloading"] : []) + (statusText.map { ["says: \($0)"] } ?? [])
    }
}

extension JobRecord {
    /// The PID of its program while it is running.
    ///
    /// The recorded process of an earlier start does not count, because its PID may have been reused.
    var runningPID: Int32? { phase == .running ? process?.pid : nil }

    /// The reason of its state: the recorded error, or its last outcome if that was no exit.
    var problem: String? {
        if let error { return error }
        switch outcome {
        case .outOfMemory, .startFailed, .lost: return outcome?.description
        case .exited, .signaled, nil: return nil
        }
    }
}

extension Outcome {
    /// The exit code; nil for any other outcome.
    var exitCode: Int32? {
        switch self {
        case .exited(let code): code
        case .signaled, .outOfMemory, .startFailed, .lost: nil
        }
    }

    /// The signal that ended it; nil for any other outcome.
    var signal: Signal? {
        switch self {
        case .signaled(let signal, coreDumped: _): signal
        case .outOfMemory: .kill
        case .exited, .startFailed, .lost: nil
        }
    }
}

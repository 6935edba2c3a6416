public import HeroModel

/// Everything about one standalone action: the input of `why`.
public struct ActionWhyReport: Hashable, Sendable {
    /// The action.
    public var name: QualifiedName
    /// Its manifest in the last revision, or in the files if it was never applied; nil if no manifest declares it.
    public var declared: Declared<ActionSpec>?
    /// The services that list the action; it then runs as a part of them.
    public var users: [QualifiedName]
    /// Its state; nil if it was never applied as a standalone action.
    public var status: StandaloneStatus?
    /// The time when its last run ended; nil if there is none, or it has not ended.
    public var finishedAt: WallTime?
    /// The last output lines of its last run, if that has a problem.
    public var lastOutput: [String] = []
    /// The running reconciler; nil if there is none.
    public var reconciler: ReconcilerLockHolder?
    /// The last applied revision; nil before the first.
    public var revision: RevisionRecord?
    /// The time of the report.
    public var now: WallTime

    /// Creates a report.
    public init(
        name: QualifiedName,
        declared: Declared<ActionSpec>?,
        users: [QualifiedName] = [],
        status: StandaloneStatus?,
        finishedAt: WallTime? = nil,
        reconciler: ReconcilerLockHolder?,
        revision: RevisionRecord?,
        now: WallTime
    ) {
        self.name = name
        self.declared = declared
        self.users = users
        self.status = status
        self.finishedAt = finishedAt
        self.reconciler = reconciler
        self.revision = revision
        self.now = now
    }

    /// Whether its last output may explain a problem.
    public var hasProblem: Bool {
        guard let action = status?.action, action.phase != .waiting else { return false }
        return action.hasProblem || action.isRepeated
    }

    /// The answer in one sentence, without the name of the action.
    public var answer: String {
        guard let spec = declared?.spec else {
            return "runs no more: no manifest declares it as a standalone action"
        }
        guard spec.isStandalone else {
            guard !users.isEmpty else {
                return "never runs: it has neither `schedule` nor `run_on`, and no service lists it"
            }
            return "runs as a part of \(users.map(\.description).joined(separator: ", "))"
        }
        guard let status else { return "was never applied: `heroproc diff` shows what an apply would do" }
        switch status.action.phase {
        case .running, .waiting, .pending, .retrying: return status.action.stateText(now)
        case .failed: return "has failed\(problemText); \(nextText(spec, status))"
        case .cancelled: return "was stopped; \(nextText(spec, status))"
        case .succeeded: return "has completed; \(nextText(spec, status))"
        case nil: return "has not run yet; \(nextText(spec, status))"
        }
    }

    /// The sentences that explain the state, each with its topic, in the order of output.
    public var findings: [(topic: String, text: String)] {
        [("declared", declaration)] + lastRun + nextRun + [("reconciler", reconcilerText)]
    }

    private var problemText: String { status?.action.problemClause(nil).map { ": \($0)" } ?? "" }

    /// When or why it runs again, as a clause.
    private func nextText(_ spec: ActionSpec, _ status: StandaloneStatus) -> String {
        if status.isPaused { return "its schedule is paused by `down`, and the next apply resumes it" }
        if let next = status.nextRunAt {
            let isLate = reconciler == nil && next <= now
            return isLate ? "its next run is due, but no reconciler is running" : "next run \(next.relative(to: now))"
        }
        guard spec.schedule == nil else { return "its schedule has no further time" }
        return "it runs again when its spec changes or its `generation` rises"
    }

    private var declaration: String {
        guard let declared else { return "no manifest declares it" }
        let spec = declared.spec
        func text(_ meaning: String, _ key: String) -> String {
            "\(meaning) (\(declared.location(of: key).fileAndLine))"
        }
        if let schedule = spec.schedule {
            if let cron = schedule.timing.cronText {
                return text("it runs at the times of cron `\(cron)` in \(schedule.timeZone)", "schedule")
            }
            return text("it runs every \(schedule.timing.interval?.shortText ?? "interval")", "schedule")
        }
        switch spec.runOn {
        case .apply: return text("it runs once for each changed spec or raised `generation`", "run_on")
        case .none: return text("it has neither `schedule` nor `run_on`, so it does not run by itself", "name")
        }
    }

    private var lastRun: [(topic: String, text: String)] {
        guard let action = status?.action, let job = action.job else { return [] }
        var text = "job \(job) \(action.stateText(now))"
        if action.phase == .succeeded || action.phase == .failed || action.phase == .cancelled, let finishedAt {
            text += ", \(finishedAt.relative(to: now))"
        }
        return [("last run", text)] + lastOutput.map { ("wrote", $0) }
    }

    private var nextRun: [(topic: String, text: String)] {
        guard let spec = declared?.spec, spec.isStandalone, let status else { return [] }
        if let retry = status.action.nextRetryAt {
            return [
                (
                    "next retry",
                    "\(retry.relative(to: now)), at \(retry.textToSecond) (attempt \(status.action.attempt &+ 1))"
                )
            ]
        }
        guard let next = status.nextRunAt, !status.isPaused else { return [("next run", nextText(spec, status))] }
        return [("next run", "\(next.relative(to: now)), at \(next.textToSecond)")]
    }

    private var reconcilerText: String {
        guard let reconciler else {
            return "none is running: nothing runs until `heroproc apply` or `heroproc reconcile --watch`"
        }
        return "pid \(reconciler.pid) (\(reconciler.mode)) runs it"
    }
}

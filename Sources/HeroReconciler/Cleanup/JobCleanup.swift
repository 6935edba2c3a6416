import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Removes ended jobs: on request of a client, and by the retention rules of the settings.
///
/// Each turn removes one batch, so that a long cleanup does not delay the loop.
final class JobCleanup {
    /// How often the retention rules are applied.
    private static let retentionInterval = Duration.seconds(600)
    /// How many jobs one retention rule removes before the next rule is applied.
    private static let retentionBatchSize = 10_000

    private let clock: any HostClock
    private let state: RuntimeState
    private let journal: TurnJournal
    private let storeHealth: StoreHealth
    /// Cleanups in progress, oldest first.
    private var tasks: [CleanupTask] = []
    /// The retention rules that were applied last.
    private var rules: [RetentionRule] = []
    /// When they are applied again; nil: at once.
    private(set) var retentionDue: Moment?

    init(clock: any HostClock, state: RuntimeState, journal: TurnJournal, storeHealth: StoreHealth) {
        self.clock = clock
        self.state = state
        self.journal = journal
        self.storeHealth = storeHealth
    }

    private var reader: StateReader { storeHealth.store.reader }

    /// Whether no cleanup is in progress.
    var isIdle: Bool { tasks.isEmpty }

    /// A client requests a cleanup.
    func start(_ request: ControlRequest, _ client: RequestID) {
        guard let rule = request.cleanup else {
            return journal.refuse(client, "cannot clean up jobs: the request selects none")
        }
        if let outage = storeHealth.outage { return journal.refuse(client, "cannot clean up jobs: \(outage.error)") }
        do {
            let jobs = try reader.removableJobs(rule)
            tasks.append(CleanupTask(jobs, label: "cleanup by \(request.actor)", for: client))
        } catch {
            journal.refuse(client, "cannot clean up jobs: \(error)")
        }
    }

    /// Applies the retention rules when they are new, and then every ten minutes.
    func startRetention() {
        let rules = state.desired.settings.retention
        if rules != self.rules { (self.rules, retentionDue) = (rules, nil) }
        let now = clock.now()
        guard !rules.isEmpty, retentionDue.map({ $0 <= now }) ?? true else { return }
        retentionDue = now + Self.retentionInterval
        var jobs: [JobID: RemovableJob] = [:]
        for rule in rules {
            do {
                let rule = CleanupRule(rule, now: clock.wallTime())
                let found = try reader.removableJobs(rule, limit: Self.retentionBatchSize)
                if found.count == Self.retentionBatchSize { retentionDue = now + .seconds(1) }
                for job in found { jobs[job.id] = job }
            } catch {
                journal.logEvent(.error, "", "cannot find the jobs that retention removes: \(error)")
            }
        }
        guard !jobs.isEmpty else { return }
        tasks.append(CleanupTask(jobs.values.sorted { $0.id < $1.id }, label: "retention", for: nil))
    }

    /// Removes the next batch of jobs of the oldest cleanup.
    ///
    /// When no job is left, removes the specs that nothing uses.
    ///
    /// Rows that are not committed yet may be newer than the database: then it waits for the next turn.
    func removeNextBatch() {
        guard let task = tasks.first, journal.rows.isEmpty else { return }
        let batch = task.remainingJobs.prefix(StateStore.cleanupBatch)
        guard !batch.isEmpty else { return finish(task) }
        task.remainingJobs = task.remainingJobs.dropFirst(batch.count)
        let jobs = batch.filter { forgetJob($0.id) }
        guard !jobs.isEmpty else { return }
        journal.rows.append(.jobsRemoved(jobs.map(\.id)))
        task.result.jobs += jobs.map(\.id)
        journal.effects.append(.removeJobFiles(jobs, task))
    }

    private func finish(_ task: CleanupTask) {
        tasks.removeFirst()
        do {
            task.result.actions = try reader.unusedActions()
            if !task.result.actions.isEmpty { journal.rows.append(.actionsRemoved(task.result.actions)) }
        } catch {
            task.result.errors.append("cannot find unused action specs: \(error)")
        }
        let counts = [
            countPhrase(task.result.jobs.count, "ended job"), countPhrase(task.result.actions.count, "action spec"),
        ].compactMap { $0 }
        if !counts.isEmpty {
            journal.recordEvent(.info, "", "\(task.label): removed \(counts.joined(separator: " and "))")
        }
        journal.effects.append(.finishCleanup(task))
    }

    /// Removes a job from memory, if nothing needs it there.
    ///
    /// - Returns: false when it is needed since it was selected.
    private func forgetJob(_ id: JobID) -> Bool {
        guard let entry = state.jobs[id] else { return true }
        guard entry.lifecycle.isIdle else { return false }
        switch entry.owner {
        case .service(let service):
            guard !service.record.isStartRequested, service.isIdle else { return false }
            service.jobs.removeAll { $0 === entry }
        case .standalone(let owner):
            guard entry.lifecycle.record.phase.isFinished, !owner.isAwaited else { return false }
            if owner.job === entry { owner.job = nil }
            if owner.record.job == id { owner.record.job = nil }
        }
        state.jobs[id] = nil
        return true
    }
}

/// `1 ended job`, `2 ended jobs`; nil for none.
private func countPhrase(_ number: Int, _ word: String) -> String? {
    number == 0 ? nil : "\(number) \(word)\(number == 1 ? "" : "s")"
}

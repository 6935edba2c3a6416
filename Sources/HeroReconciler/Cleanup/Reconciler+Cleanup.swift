import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// A cleanup under way.
final class CleanupTask {
    /// Who asked for it; nil for retention.
    let request: RequestID?
    /// As events name it.
    let label: String
    /// The jobs that are still to go.
    var remainingJobs: ArraySlice<RemovableJob>
    /// What it came to so far.
    var result = CleanupResult()

    init(_ jobs: [RemovableJob], _ words: String, for request: RequestID?) {
        remainingJobs = jobs[...]
        self.label = words
        self.request = request
    }
}

extension Reconciler {
    /// How often ended jobs are looked at by the rules of the settings.
    private static var retentionInterval: Duration { .seconds(600) }
    /// How many jobs go by one rule before the next one has its turn.
    private static var retentionBatchSize: Int { 10_000 }

    /// Somebody asks for ended jobs to be removed.
    func startCleanup(_ order: ControlRequest, _ request: RequestID) {
        guard let rule = order.cleanup else {
            return refuse(request, "cannot clean up jobs: the request does not say which")
        }
        if let trouble { return refuse(request, "cannot clean up jobs: \(trouble.error)") }
        do {
            let jobs = try store.reader.removableJobs(rule)
            cleanups.append(CleanupTask(jobs, "cleanup by \(order.actor)", for: request))
        } catch {
            refuse(request, "cannot clean up jobs: \(error)")
        }
    }

    /// Begins what the rules of the settings ask for: at once when they are new, and then every ten minutes.
    func startRetentionCleanup() {
        let rules = desired.settings.retention
        if rules != retention.rules { retention = (rules, nil) }
        let now = kernel.now()
        guard !rules.isEmpty, retention.due.map({ $0 <= now }) ?? true else { return }
        retention.due = now + Self.retentionInterval
        var jobs: [JobID: RemovableJob] = [:]
        for rule in rules {
            do {
                let rule = CleanupRule(rule, now: kernel.wallTime())
                let found = try store.reader.removableJobs(rule, limit: Self.retentionBatchSize)
                if found.count == Self.retentionBatchSize { retention.due = now + .seconds(1) }
                for job in found { jobs[job.id] = job }
            } catch {
                log(makeEvent(.error, "", "cannot look for jobs that are kept no longer: \(error)"))
            }
        }
        guard !jobs.isEmpty else { return }
        cleanups.append(CleanupTask(jobs.values.sorted { $0.id < $1.id }, "retention", for: nil))
    }

    /// Removes the next jobs of the cleanup that came first; when none is left, the specs that nothing uses any more.
    ///
    /// The rows of a turn may know more than the store: while there are any, it waits for the next turn.
    func continueCleanup() {
        guard let work = cleanups.first, rows.isEmpty else { return }
        let batch = work.remainingJobs.prefix(StateStore.cleanupBatch)
        guard batch.isEmpty else {
            work.remainingJobs = work.remainingJobs.dropFirst(batch.count)
            let jobs = batch.filter { forgetJob($0.id) }
            guard !jobs.isEmpty else { return }
            rows.append(.jobsRemoved(jobs.map(\.id)))
            work.result.jobs += jobs.map(\.id)
            pendingEffects.append(.removeJobFiles(jobs, work))
            return
        }
        cleanups.removeFirst()
        do {
            work.result.actions = try store.reader.unusedActions()
            if !work.result.actions.isEmpty { rows.append(.actionsRemoved(work.result.actions)) }
        } catch {
            work.result.errors.append("cannot look for action specs that nothing uses: \(error)")
        }
        if !work.result.jobs.isEmpty || !work.result.actions.isEmpty {
            let counts = [
                countPhrase(work.result.jobs.count, "ended job"), countPhrase(work.result.actions.count, "action spec"),
            ].compactMap { $0 }
            recordEvent(.info, "", "\(work.label): removed \(counts.joined(separator: " and "))")
        }
        pendingEffects.append(.finishCleanup(work))
    }

    /// Forgets a job in memory, if nothing needs it any more.
    ///
    /// - Returns: false when it has come to be needed since it was looked for.
    private func forgetJob(_ id: JobID) -> Bool {
        guard let entry = jobs[id] else { return true }
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
        jobs[id] = nil
        return true
    }
}

/// `1 ended job`, `2 ended jobs`; nil for none.
private func countPhrase(_ number: Int, _ word: String) -> String? {
    number == 0 ? nil : "\(number) \(word)\(number == 1 ? "" : "s")"
}

extension ServiceEntry {
    /// Whether nothing is to be done with it.
    fileprivate var isIdle: Bool {
        guard case .none = operation else { return false }
        return !hasBegunStop && !isActive
    }
}

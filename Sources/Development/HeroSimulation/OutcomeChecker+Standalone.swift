import HeroKernel
import HeroModel
import HeroSim
import HeroStore

extension OutcomeChecker {
    /// A schedule starts at most one job for each due time, and one more when the generation has been raised since.
    mutating func checkDueTime(_ start: StartID, _ label: String, _ job: JobRecord, _ store: StateStore) throws {
        let name = QualifiedName(job.action, context: job.context)
        guard try desired(at: job.revision, store).actions[name]?.spec.schedule != nil else { return }
        // An action that is removed by now was stopped in the same turn.
        guard let record = try store.reader.standaloneSummaries().first(where: { $0.name == name }) else { return }
        guard let due = record.lastDueAt else { return }
        guard let other = runsOfDueTimes.updateValue(job.id, forKey: "\(label) \(due)"), other != job.id else { return }
        let revision = try store.reader.job(other)?.revision ?? 0
        let before = try desired(at: revision, store).actions[name]?.spec.generation ?? 0
        let now = try desired(at: job.revision, store).actions[name]?.spec.generation ?? 0
        if now <= before { fail("\(label) ran twice for \(due): jobs \(other) and \(job.id)") }
    }

    /// Without faults, every schedule runs in its interval.
    mutating func checkIntervals(_ scenario: Scenario, since moment: Moment, _ machine: SimMachine) {
        for action in scenario.standalone where action.isDeclared {
            guard case .every(let seconds) = action.trigger else { continue }
            let label = "core/\(action.name)"
            let runs = machine.trace.executions.filter { $0.label == label && $0.began >= moment }.count
            let limit = (machine.now - moment).wholeMilliseconds / Int64(seconds * 1000) + 2
            if limit > 6, runs == 0 { fail("\(label) was due \(limit) times and never ran") }
            if runs > limit * 2 { fail("\(label) was due \(limit) times and ran \(runs) times") }
        }
    }

    /// An action with `run_on: apply` has exactly one job for each change, whatever was killed; an apply runs it again
    /// only after a failure.
    mutating func checkRunsOnce(_ scenario: Scenario, _ machine: SimMachine, _ store: StateStore) throws {
        let revisions = try store.reader.revisions(limit: 1000).sorted { $0.number < $1.number }
        let jobs = try store.reader.jobs(JobFilter()).filter { $0.service == nil }
        for action in scenario.standalone where !action.isScheduled {
            let name = QualifiedName(action.name)
            let own = jobs.filter { $0.action == action.name }
            for (revision, jobs) in Dictionary(grouping: own, by: \.revision) where !areRepeatedFailures(jobs) {
                fail("\(name) ran \(jobs.count) times for revision \(revision)")
            }
            for job in own where !job.phase.isFinished {
                fail("job \(job.id) of \(name) has not ended in the settled state")
            }
            var changed: RevisionNumber?
            var before: ActionSpec?
            for revision in revisions where !revision.isDown {
                let spec = try desired(at: revision.number, store).actions[name]?.spec
                let isSame = spec?.environment == before?.environment && spec?.generation == before?.generation
                if !isSame || (spec == nil) != (before == nil) { changed = spec == nil ? nil : revision.number }
                before = spec
            }
            guard let changed else { continue }
            let runs = own.filter { $0.revision >= changed }
            if runs.isEmpty || !areRepeatedFailures(runs) {
                fail("\(name) changed in revision \(changed) and has \(runs.count) jobs since")
            }
        }
        for label in machine.trace.running where !label.contains(".") { fail("\(label) runs in the settled state") }
    }

    /// Whether all jobs but the newest have failed.
    private func areRepeatedFailures(_ jobs: [JobRecord]) -> Bool {
        jobs.sorted { $0.id < $1.id }.dropLast().allSatisfy { $0.phase == .failed }
    }

    /// A job is deleted only when its own service starts again, or removes its jobs.
    mutating func checkHistory(_ store: StateStore) throws {
        let jobs = try store.reader.jobs(JobFilter())
        let now = Set(jobs.map(\.id))
        let runs = Dictionary(try store.reader.serviceSummaries().map { ($0.name, $0.run ?? 0) }) { first, _ in first }
        for job in seenJobs.values where !now.contains(job.id) {
            guard let service = job.service, let run = job.run else {
                fail("job \(job.id) of \(job.action) was deleted, and it has no service")
                continue
            }
            let name = QualifiedName(service, context: job.context)
            let startedSince = max(runs[name] ?? 0, lastRuns[name] ?? 0) > run
            if !startedSince, !servicesRemovingJobs.contains(service) {
                fail("job \(job.id) of \(name) was deleted, and the service has not started since")
            }
        }
        for (name, run) in runs { lastRuns[name] = max(lastRuns[name] ?? 0, run) }
        seenJobs = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Ended jobs of earlier runs are deleted when a service starts again.
    mutating func checkReplacedJobs(_ store: StateStore) throws {
        let runs = Dictionary(try store.reader.serviceSummaries().map { ($0.name, $0.run ?? 0) }) { first, _ in first }
        for job in try store.reader.jobs(JobFilter()) {
            guard let service = job.service, let run = job.run else { continue }
            let current = runs[QualifiedName(service, context: job.context)] ?? 0
            if run < current {
                fail("job \(job.id) of run \(run) still exists after the start of run \(current) of \(service)")
            }
        }
    }
}

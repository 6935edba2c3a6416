import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

extension Reconciler {
    /// Begins a new run with what is declared now.
    ///
    /// What came before goes as `start.replace_existing_jobs` says; nothing of another service is touched.
    func beginRun(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        let spec = declared.spec
        let hadJobs = removeInactiveJobs(of: service)
        if spec.replacesExistingJobs { removeRuns(of: service) } else { endRun(of: service) }
        let run = RunRecord(
            id: nextRun,
            service: service.name,
            revision: revision?.number ?? 0,
            startedAt: kernel.wallTime()
        )
        nextRun += 1
        servicesWithHistory.insert(service.name.name)
        service.operation = .none
        openOperations.remove(service.name)
        requestedRetries.remove(service.name)
        service.record.spec = spec
        service.record.canonical = CanonicalSpec(spec)
        service.run = run
        service.record.run = run.id
        service.record.revision = run.revision
        service.record.isStartRequested = true
        service.record.state = .starting
        service.record.blockedBy = []
        service.record.since = run.startedAt
        blockedServices.remove(service.name)
        rows.append(.service(service.record))
        rows.append(.run(run))
        let joining = Dictionary(service.jobs.map { ($0.action, $0) }, uniquingKeysWith: { first, _ in first })
        service.jobs = spec.actions.map { action in
            guard let job = joining[action.name] else { return makeJob(action, for: .service(service), run: run.id) }
            joinRun(job, run.id)
            return job
        }
        for job in service.jobs where hadJobs {
            // The newest job's start is still ahead; of the jobs before it the last one's logs are kept as evidence.
            let folder = LaunchRequestBuilder.logFolder(
                service.name.context,
                service: service.name.name,
                action: job.action
            )
            pendingEffects.append(.pruneLogs(folder, keepingJobs: 1))
        }
        recordEvent(.info, service.name.description, "starting")
        reportProgress(service)
        advance(service)
        if openOperations.isEmpty { needsPlan = true }
    }

    /// What is active stays as it is, and belongs to the new run.
    private func joinRun(_ job: JobEntry, _ run: RunID) {
        job.lifecycle.joinRun(run)
        rows.append(.job(job.lifecycle.record))
    }

    /// A run that another one follows is over.
    private func endRun(of service: ServiceEntry) {
        guard var run = service.run, run.endedAt == nil else { return }
        run.endedAt = kernel.wallTime()
        rows.append(.run(run))
    }

    /// Before a start: its jobs that are not active go, those of earlier runs too.
    ///
    /// - Returns: whether there were any.
    private func removeInactiveJobs(of service: ServiceEntry) -> Bool {
        let inactive = inactiveJobs(of: service)
        deleteJobs(inactive)
        service.jobs.removeAll(where: \.lifecycle.isIdle)
        return !inactive.isEmpty
    }

    private func removeRuns(of service: ServiceEntry) {
        guard servicesWithHistory.contains(service.name.name) else { return }
        var runs = Set(readStore { try $0.runs(of: service.name).map(\.id) })
        if let run = service.record.run { runs.insert(run) }
        if !runs.isEmpty { rows.append(.runsRemoved(runs.sorted())) }
    }

    /// After a stop for its own sake, where `stop.remove_jobs` asks for it: its ended jobs go, and the runs stay.
    func removeEndedJobs(of service: ServiceEntry) {
        deleteJobs(inactiveJobs(of: service))
        service.jobs = []
    }

    private func deleteJobs(_ ids: [JobID]) {
        guard !ids.isEmpty else { return }
        for id in ids { jobs[id] = nil }
        rows.append(.jobsRemoved(ids))
    }

    /// What is recorded of a service and does not run, by number.
    private func inactiveJobs(of service: ServiceEntry) -> [JobID] {
        guard servicesWithHistory.contains(service.name.name) else { return [] }
        let filter = JobFilter(context: service.name.context, service: service.name.name)
        let known = Set(service.jobs.map(\.id))
        let stored = readStore { try $0.jobs(filter) }.filter { !known.contains($0.id) && !$0.phase.isActive }
        return (stored.map(\.id) + service.jobs.filter(\.lifecycle.isIdle).map(\.id)).sorted()
    }

    /// What the store knows; what it cannot say is left where it is.
    private func readStore<Row>(_ read: (StateReader) throws -> [Row]) -> [Row] {
        do {
            return try read(store.reader)
        } catch {
            recordEvent(.error, "", "cannot read what is recorded of earlier runs, so it is kept: \(error)")
            handleDamage(error)
            return []
        }
    }
}

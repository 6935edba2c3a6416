import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

extension WaveExecutor {
    /// Begins a new run with the spec that is declared now.
    ///
    /// Earlier jobs are removed or kept as `start.replace_existing_jobs` says. Nothing of another service changes.
    func beginRun(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        let spec = declared.spec
        let hadJobs = removeInactiveJobs(of: service)
        if spec.replacesExistingJobs { removeRuns(of: service) } else { endRun(of: service) }
        let run = RunRecord(
            id: state.takeRunID(),
            service: service.name,
            revision: state.revisionNumber,
            startedAt: clock.wallTime()
        )
        state.servicesWithHistory.insert(service.name.name)
        closeOperation(of: service)
        service.isRetryRequested = false
        service.run = run
        service.record.spec = spec
        service.record.canonical = CanonicalSpec(spec)
        service.record.run = run.id
        service.record.revision = run.revision
        service.record.isStartRequested = true
        service.record.state = .starting
        service.record.blockedBy = []
        service.record.since = run.startedAt
        blockedServices.remove(service.name)
        journal.rows.append(.service(service.record))
        journal.rows.append(.run(run))
        makeJobs(of: service, run)
        for job in service.jobs where hadJobs {
            // The log of the new job does not exist yet; of the earlier jobs, the last one keeps its log as evidence.
            let folder = LaunchRequestBuilder.logFolder(
                service.name.context,
                service: service.name.name,
                action: job.action
            )
            journal.effects.append(.pruneLogs(folder, keepingJobs: 1))
        }
        journal.recordEvent(.info, service.name.description, "starting")
        reporter.reportProgress(service)
        perform(.advance(service))
        requestProof()
    }

    /// Creates a job for each action that has none; active jobs join the run as they are.
    private func makeJobs(of service: ServiceEntry, _ run: RunRecord) {
        let active = Dictionary(service.jobs.map { ($0.action, $0) }, uniquingKeysWith: { first, _ in first })
        service.jobs = service.record.spec.actions.filter { $0.occasion == .start }.map { action in
            guard let job = active[action.name] else {
                let end = jobs.skippedRun(of: action, in: service.record.spec)
                return jobs.makeJob(action, for: .service(service), run: run.id, end: end)
            }
            job.lifecycle.joinRun(run.id)
            journal.rows.append(.job(job.lifecycle.record))
            return job
        }
    }

    /// Records the end of the current run, if it has not ended.
    func endRun(of service: ServiceEntry) {
        guard var run = service.run, run.endedAt == nil else { return }
        run.endedAt = clock.wallTime()
        service.run = run
        journal.rows.append(.run(run))
    }

    /// Before a start: removes the jobs that are not active, those of earlier runs too.
    ///
    /// - Returns: whether there were any.
    private func removeInactiveJobs(of service: ServiceEntry) -> Bool {
        let inactive = inactiveJobs(of: service)
        deleteJobs(inactive, of: service)
        service.jobs.removeAll(where: \.lifecycle.isIdle)
        return !inactive.isEmpty
    }

    private func removeRuns(of service: ServiceEntry) {
        guard state.servicesWithHistory.contains(service.name.name) else { return }
        var runs = Set(readHistory { try $0.runs(of: service.name).map(\.id) })
        if let run = service.record.run { runs.insert(run) }
        if !runs.isEmpty { journal.rows.append(.runsRemoved(runs.sorted())) }
    }

    /// After a stop of the service itself, where `stop.remove_jobs` is set: removes its ended jobs; its runs stay.
    func removeEndedJobs(of service: ServiceEntry) {
        deleteJobs(inactiveJobs(of: service), of: service)
        service.jobs = []
    }

    private func deleteJobs(_ records: [JobRecord], of service: ServiceEntry) {
        guard !records.isEmpty else { return }
        for record in records {
            state.jobs[record.id] = nil
            if let start = record.pastStart { service.formerStarts[record.action] = start }
        }
        journal.rows.append(.jobsRemoved(records.map(\.id)))
    }

    /// The records of the jobs of a service that are not active, by number.
    private func inactiveJobs(of service: ServiceEntry) -> [JobRecord] {
        guard state.servicesWithHistory.contains(service.name.name) else { return [] }
        let filter = JobFilter(context: service.name.context, service: service.name.name)
        let known = Set(service.jobs.map(\.id))
        let stored = readHistory { try $0.jobs(filter) }.filter { !known.contains($0.id) && !$0.phase.isActive }
        let idle = service.jobs.map(\.lifecycle).filter(\.isIdle)
        return (stored + idle.map(\.record)).sorted { $0.id < $1.id }
    }

    /// Reads earlier jobs and runs; those that cannot be read are kept.
    private func readHistory<Row>(_ body: (StateReader) throws -> [Row]) -> [Row] {
        storeHealth.read(orRecord: "cannot read the records of earlier runs, so they are kept", "", body)
    }
}

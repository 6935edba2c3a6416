public import HeroKernel
public import HeroModel
public import HeroPlan
public import HeroStore

/// Reads the observed state without a reconciler: the records, compared with the machine.
///
/// Nothing can be changed with it.
public enum Observation {
    /// Reads the observed state for the plans of `diff` and `apply`: the records, the processes that are gone, the
    /// holders of declared resources, and files that have changed since their program started.
    ///
    /// The machine is inspected once for all actions. An action that binds nothing and does not run is not inspected.
    ///
    /// - Parameters:
    ///   - reader: The database; nil where nothing was ever applied.
    ///   - desired: What the manifests declare.
    ///   - baseEnvironment: The base environment of programs, to find their files.
    ///   - unsupervisedProgram: What is known about a program whose process is gone; given only while no reconciler is
    ///     running.
    ///   - checksStarts: Whether reasons why a start would fail are looked for.
    ///   - readContents: Reads the content of files as digests.
    ///   - inspect: Inspects the machine.
    /// - Returns: the observed state.
    /// - Throws: `StoreError` when the database cannot be read.
    public static func read(
        _ reader: StateReader?,
        for desired: DesiredState,
        baseEnvironment: [String: String],
        unsupervisedProgram: ((JobRecord) -> UnsupervisedProgram)? = nil,
        checksStarts: Bool = false,
        readContents: ([ContentReference]) -> [String?] = { $0.map { _ in nil } },
        _ inspect: ([ActionInspectionRequest]) -> [ActionInspectionResult]
    ) throws -> Observed {
        let records = try reader.map(RecordedState.init)
        let batch = ActionInspectionBatch(
            desired,
            jobs: records?.activeJobs ?? [],
            baseEnvironment: baseEnvironment,
            checksStarts: checksStarts
        )
        let results = inspect(batch.requests)
        let isAlive = batch.livenessByJob(results)
        var observed = records?.observed { isAlive[$0.id] ?? true } ?? Observed()
        records?.addMilestones(to: &observed, desired)
        if let reader,
            desired.services.values.contains(where: { $0.spec.hold != nil })
                || observed.services.values.contains(where: { $0.hold != nil })
        {
            for record in try reader.serviceRecords() { observed.services[record.name]?.spec = record.spec }
        }
        if let records, let unsupervisedProgram {
            for (name, service) in observed.services {
                guard let spec = desired.services[name]?.spec else { continue }
                let ends = UnsupervisedEnds(of: spec, state: service.state, jobs: records.jobsByService[name] ?? [])
                observed.services[name]?.notRunning = ends.text(
                    isAlive: { isAlive[$0.id] ?? true },
                    unsupervisedProgram
                )
                // A gone process is a change now, or it ended for good.
                if spec.status == .start { observed.services[name]?.drift.removeAll { $0.kind == .processGone } }
            }
        }
        batch.addResults(results, to: &observed)
        if let records {
            let contents = ContentBatch(desired) { records.jobsByService[$0] ?? [] }
            if !contents.references.isEmpty {
                contents.addResults(readContents(contents.references), to: &observed)
            }
        }
        return observed
    }

    /// Reads the records alone.
    ///
    /// A recorded process that is gone is drift.
    ///
    /// - Throws: `StoreError` when the database cannot be read.
    public static func read(_ reader: StateReader, isAlive: (ProcessIdentity) -> Bool) throws -> Observed {
        try RecordedState(reader).observed { $0.process.map(isAlive) ?? true }
    }
}

/// The current state in the database.
private struct RecordedState {
    var revision: RevisionNumber
    var services: [ServiceSummary]
    var standalone: [StandaloneSummary]
    /// The active jobs of the current run of each service, and of standalone actions.
    var activeJobs: [JobRecord] = []
    /// All jobs of the current run of each service.
    var jobsByService: [QualifiedName: [JobRecord]] = [:]
    /// The newest jobs of standalone actions that have failed.
    var failedJobs: Set<JobID> = []

    init(_ reader: StateReader) throws {
        revision = try reader.revision()?.number ?? 0
        services = try reader.serviceSummaries().filter { $0.run != nil }
        standalone = try reader.standaloneSummaries()
        let runs = Dictionary(services.map { ($0.name, $0.run) }, uniquingKeysWith: { first, _ in first })
        let jobs = try reader.currentJobs()
        failedJobs = Set(jobs.filter { $0.phase == .failed }.map(\.id))
        let current = jobs.filter { job in
            guard let service = job.service else { return true }
            return job.run == runs[QualifiedName(service, context: job.context)]
        }
        activeJobs = current.filter(\.phase.isActive)
        for job in current {
            guard let service = job.service else { continue }
            jobsByService[QualifiedName(service, context: job.context), default: []].append(job)
        }
    }

    /// Adds what the current runs have reached besides their states.
    func addMilestones(to observed: inout Observed, _ desired: DesiredState) {
        for service in services where !service.state.isUp {
            guard let spec = desired.services[service.name]?.spec else { continue }
            observed.services[service.name]?.milestones = ReachedMilestones(
                of: spec,
                jobs: jobsByService[service.name] ?? [],
                isStartRequested: service.isStartRequested
            )
        }
    }

    func observed(_ isAlive: (JobRecord) -> Bool) -> Observed {
        var jobs: [QualifiedName: [JobRecord]] = [:]
        var activeAlone: Set<QualifiedName> = []
        for job in activeJobs {
            guard let service = job.service else {
                activeAlone.insert(QualifiedName(job.action, context: job.context))
                continue
            }
            jobs[QualifiedName(service, context: job.context), default: []].append(job)
        }
        var observed = Observed(revision: revision)
        for summary in services {
            let own = jobs[summary.name] ?? []
            let drift: [Drift] = own.compactMap { job in
                isAlive(job)
                    ? nil : job.process.map { Drift.processGone(summary.name, job.action, pid: $0.pid) }
            }
            observed.services[summary.name] = ObservedService(
                canonical: summary.canonical,
                requires: summary.requires,
                after: summary.after,
                serviceClass: summary.serviceClass,
                state: summary.state,
                isActive: !own.isEmpty,
                drift: drift
            )
            observed.services[summary.name]?.wanted = summary.wanted
            observed.services[summary.name]?.hold = summary.hold
        }
        for (name, jobs) in jobs {
            observed.services[name]?.reloadFailure = jobs.lazy.compactMap(\.reloadFailure).first
        }
        for summary in standalone {
            observed.standalone[summary.name] = ObservedStandalone(
                canonical: summary.canonical,
                isActive: activeAlone.contains(summary.name),
                isScheduled: summary.isScheduleActive,
                requestedRun: summary.requestedRun,
                hasFailed: summary.job.map(failedJobs.contains) ?? false
            )
        }
        return observed
    }
}

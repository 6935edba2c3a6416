public import HeroKernel
public import HeroModel
public import HeroPlan
public import HeroStore

/// What a process that holds nothing it could change with can observe: the records, checked against the kernel.
public enum Observation {
    /// Reads the observation that `diff` and `apply` plan with: what is recorded, what is gone, what others hold of what is
    /// declared, and what has changed on disk under the feet of what runs.
    ///
    /// The machine is asked once for all of it; of what binds nothing and does not run, nothing is asked.
    ///
    /// - Parameters:
    ///   - reader: The records; nil where nothing was ever applied.
    ///   - desired: What is wanted.
    ///   - baseEnvironment: What a program begins with, to find where its file lies.
    ///   - survey: Answers all questions about the machine.
    /// - Returns: what is there.
    /// - Throws: what the store throws when it cannot be read.
    public static func read(
        _ reader: StateReader?,
        for desired: DesiredState,
        baseEnvironment: [String: String],
        _ survey: ([ActionInspectionRequest]) -> [ActionInspectionResult]
    ) throws -> Observed {
        let records = try reader.map(RecordedState.init)
        let questions = ActionInspectionBatch(
            desired,
            jobs: records?.activeJobs ?? [],
            baseEnvironment: baseEnvironment
        )
        let answers = survey(questions.requests)
        let isAlive = questions.livenessByJob(answers)
        var observed = records?.observed { isAlive[$0.id] ?? true } ?? Observed()
        questions.addResults(answers, to: &observed)
        return observed
    }

    /// Reads the records alone; a process that is recorded as running and is not there any more is drift.
    ///
    /// - Throws: what the store throws when it cannot be read.
    public static func read(_ reader: StateReader, isAlive: (ProcessIdentity) -> Bool) throws -> Observed {
        try RecordedState(reader).observed { $0.process.map(isAlive) ?? true }
    }
}

/// What the database says of what stands.
private struct RecordedState {
    var revision: RevisionNumber
    var services: [ServiceSummary]
    var standalone: [StandaloneSummary]
    /// The active jobs of each service's current run, and of standalone actions.
    var activeJobs: [JobRecord] = []

    init(_ reader: StateReader) throws {
        revision = try reader.revision()?.number ?? 0
        services = try reader.serviceSummaries().filter { $0.run != nil }
        standalone = try reader.standaloneSummaries()
        let runs = Dictionary(services.map { ($0.name, $0.run) }, uniquingKeysWith: { first, _ in first })
        activeJobs = try reader.currentJobs().filter { job in
            guard job.phase.isActive else { return false }
            guard let service = job.service else { return true }
            return job.run == runs[QualifiedName(service, context: job.context)]
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
            let gone = own.compactMap { job in
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
                drift: gone
            )
        }
        for summary in standalone {
            observed.standalone[summary.name] = ObservedStandalone(
                canonical: summary.canonical,
                isActive: activeAlone.contains(summary.name),
                isScheduled: summary.isScheduled,
                isRunPending: summary.isRunPending
            )
        }
        return observed
    }
}

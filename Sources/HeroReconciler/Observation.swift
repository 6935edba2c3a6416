public import HeroModel
public import HeroPlan
public import HeroStore

/// What a process that holds nothing it could change with can observe: the records, checked against the kernel.
public enum Observation {
    /// Reads the observation that `diff` and `status` plan with.
    ///
    /// A process that is recorded as running and is not there any more is drift: `isAlive` is asked for each.
    ///
    /// - Throws: what the store throws when it cannot be read.
    public static func read(_ reader: StateReader, isAlive: (ProcessIdentity) -> Bool) throws -> Observed {
        var activeJobs: [QualifiedName: [JobRecord]] = [:]
        var activeAlone: Set<QualifiedName> = []
        for job in try reader.currentJobs() {
            guard let service = job.service else {
                if job.phase.isActive { activeAlone.insert(QualifiedName(job.action, context: job.context)) }
                continue
            }
            guard job.phase.isActive || job.phase == .pending else { continue }
            activeJobs[QualifiedName(service, context: job.context), default: []].append(job)
        }
        var observed = Observed(revision: try reader.revision()?.number ?? 0)
        for summary in try reader.serviceSummaries() where summary.run != nil {
            let jobs = (activeJobs[summary.name] ?? []).filter { $0.run == summary.run && $0.phase.isActive }
            var gone: [Drift] = []
            for job in jobs {
                guard let process = job.process, !isAlive(process) else { continue }
                gone.append(
                    Drift(service: summary.name, action: job.action, text: "process \(process.pid) is gone")
                )
            }
            observed.services[summary.name] = ObservedService(
                canonical: summary.canonical,
                requires: summary.requires,
                after: summary.after,
                serviceClass: summary.serviceClass,
                state: summary.state,
                isActive: !jobs.isEmpty,
                drift: gone
            )
        }
        for summary in try reader.standaloneSummaries() {
            observed.standalone[summary.name] = ObservedStandalone(
                canonical: summary.canonical,
                isActive: activeAlone.contains(summary.name),
                isScheduled: summary.isScheduled,
                owesRun: summary.owesRun
            )
        }
        return observed
    }
}

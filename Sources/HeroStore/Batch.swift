internal import HeroModel

extension StoreChange {
    /// A batch without the rows that a later change of it writes anew: nobody can look in between.
    ///
    /// A start of many services writes each job and each service several times in one turn.
    static func latest(_ changes: [StoreChange]) -> [StoreChange] {
        var jobs: Set<JobID> = []
        var runs: Set<RunID> = []
        var services: Set<QualifiedName> = []
        var states: Set<QualifiedName> = []
        var kept: [StoreChange] = []
        kept.reserveCapacity(changes.count)
        for change in changes.reversed() {
            let isLast =
                switch change {
                case .job(let job): jobs.insert(job.id).inserted
                case .run(let run): runs.insert(run.id).inserted
                case .service(let service): services.insert(service.name).inserted
                case .serviceState(let name, _, since: _, blockedBy: _, isOrderedUp: _):
                    !services.contains(name) && states.insert(name).inserted
                case .revision, .serviceRemoved, .jobsRemoved, .runsRemoved, .start, .event: true
                }
            if isLast { kept.append(change) }
        }
        kept.reverse()
        return kept
    }
}

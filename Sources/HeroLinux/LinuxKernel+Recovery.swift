public import HeroKernel
public import HeroModel

/// What happened to starts while no reconciler watched them.
extension LinuxKernel {
    private var recovery: StartRecovery {
        StartRecovery(paths: paths, shimTracker: shimTracker, orphanTracker: orphanTracker)
    }

    /// Recovers the starts of jobs from their records, and programs without a record by their identity.
    public func adopt(_ jobs: [JobID], known: [JobID: KnownProgram]) -> [JobID: RecoveredStart] {
        let recovery = recovery
        return Dictionary(
            jobs.map { ($0, recovery.recover($0, known[$0])) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Recovers the starts that could not be watched before because file descriptors were short, and emits what has
    /// changed since.
    func recoverDeferredStarts() {
        let recovery = recovery
        for (start, known) in shimTracker.takeDeferredStarts() {
            switch recovery.recover(start.job, known) {
            case .supervised: continue
            case .mainEnded(let generation, _, let report):
                reactor.emit(.start(StartID(job: start.job, generation: generation), .mainEnded(report)))
            case .orphaned(let generation, let report):
                reactor.emit(.start(StartID(job: start.job, generation: generation), .shimLost(report)))
            case .ended(let generation, let report):
                reactor.emit(.start(StartID(job: start.job, generation: generation), .ended(report)))
            case .notFound:
                let report = EndReport(outcome: .lost("nothing is left of it"), time: currentWallTime(), executed: nil)
                reactor.emit(.start(start, .ended(report)))
            }
        }
    }

    /// Tracks a start that the record of a job contains although this process has not launched it.
    func recoverLaterStart(_ job: JobID) {
        guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job),
            shimTracker.shimPidfd(of: StartID(job: job, generation: record.generation)) == nil
        else { return }
        switch recovery.recover(job) {
        case .supervised(let generation, let report?):
            reactor.emit(.start(StartID(job: job, generation: generation), .started(report)))
        case .supervised(generation: _, nil), .notFound: break
        case .mainEnded(let generation, let report, let end):
            let start = StartID(job: job, generation: generation)
            reactor.emit(.start(start, .started(report)))
            reactor.emit(.start(start, .mainEnded(end)))
        case .orphaned(let generation, let report):
            reactor.emit(.start(StartID(job: job, generation: generation), .shimLost(report)))
        case .ended(let generation, let report):
            reactor.emit(.start(StartID(job: job, generation: generation), .ended(report)))
        }
    }
}

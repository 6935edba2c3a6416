import HeroKernel
import HeroLifecycle
import HeroModel

/// Writes and reads the recovery records in the run directory.
final class RecoveryRecords {
    private let directory: any JobDirectory
    private let journal: TurnJournal

    init(directory: any JobDirectory, journal: TurnJournal) {
        self.directory = directory
        self.journal = journal
    }

    /// Writes the recovery record of a job.
    ///
    /// - Returns: whether it is written.
    @discardableResult
    func write(of entry: JobEntry) -> Bool {
        var record = JobRecoveryRecord(job: entry.lifecycle.record, service: nil, run: nil, standalone: nil)
        switch entry.owner {
        case .service(let service):
            record.service = service.record
            record.run = service.run
            record.siblings = service.jobs.filter { $0 !== entry }.map(\.lifecycle.record)
        case .standalone(let owner):
            record.standalone = owner.record
            if let spec = entry.pinnedSpec { record.standalone?.spec = spec }
        }
        record.starts = journal.rows.starts(of: entry.id)
        return record.bytes.map { directory.writeRecoveryRecord($0, of: entry.id) } ?? false
    }

    /// The recovery record of a job; nil when there is none, or none that is intact and about this job.
    func read(of job: JobID) -> JobRecoveryRecord? {
        directory.recoveryRecord(of: job).flatMap { JobRecoveryRecord($0) }.flatMap { $0.job.id == job ? $0 : nil }
    }

    /// The files of an ended job were removed: another job of its run that is still active must record it.
    func updateSibling(of entry: JobEntry) {
        guard let service = entry.service, service.record.isStartRequested,
            let sibling = service.jobs.first(where: { $0 !== entry && $0.lifecycle.phase.hasActiveStart })
        else { return }
        write(of: sibling)
    }
}

extension JobLifecycle.Phase {
    /// Whether a start of the job is under way.
    fileprivate var hasActiveStart: Bool {
        switch self {
        case .launching, .starting, .ready, .runningOnce, .stopping: true
        case .pending, .preparing, .backingOff, .finished: false
        }
    }
}

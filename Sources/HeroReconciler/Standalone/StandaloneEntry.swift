import HeroLifecycle
import HeroModel

/// A standalone action in memory: its record and its newest job.
final class StandaloneEntry {
    let name: QualifiedName
    var record: StandaloneRecord
    /// Its newest job: only this one can be active.
    var job: JobEntry?
    /// The last start of the job before it.
    var formerStart: PastStart?
    /// Whether an event about a skipped run was recorded for the active job.
    var hasReportedSkip = false
    /// Whether an apply waits for its job to end.
    var isAwaited = false
    /// Whether it is not declared any more: the entry goes when its job has ended.
    var isRemoved = false
    /// When its schedule comes due, on the boot clock; nil when it does not.
    var wakeAt: Moment?

    init(_ record: StandaloneRecord) {
        name = record.name
        self.record = record
    }

    /// Whether its job runs or waits for its next try.
    var isActive: Bool { job.map { !$0.lifecycle.isIdle } ?? false }

    /// Whether something that an apply has requested of it is not complete.
    var isSettling: Bool {
        guard isActive else { return isAwaited }
        return isAwaited || isRemoved || record.requestedRun == .pending || job?.lifecycle.record.isStopping ?? false
    }
}

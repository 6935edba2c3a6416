import HeroLifecycle
import HeroModel

/// A standalone action in memory: its record, its newest job, and what waits for it.
final class StandaloneEntry {
    let name: QualifiedName
    var record: StandaloneRecord
    /// Its newest job; the only one of it that can be active.
    var job: JobEntry?
    /// Whether it was said that a due time is left out because of the job that is active.
    var hasReportedSkip = false
    /// Whether somebody who applied waits for its job to end.
    var isAwaited = false
    /// Nobody declares it any more: it is forgotten once its job has ended.
    var isRemoved = false
    /// When its schedule comes due, on the boot clock.
    var wakeAt: Moment?

    init(_ record: StandaloneRecord) {
        name = record.name
        self.record = record
    }

    /// Whether a job of it runs or is tried again.
    var isActive: Bool { job.map { !$0.lifecycle.isIdle } ?? false }

    /// Whether something of it that an apply asked for is not done yet.
    var isSettling: Bool {
        guard isActive else { return isAwaited }
        return isAwaited || isRemoved || record.isRunPending || job?.lifecycle.record.isStopping ?? false
    }
}

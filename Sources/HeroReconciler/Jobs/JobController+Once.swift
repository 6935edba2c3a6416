import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Why a job with `once` does not run.
struct SkippedRun {
    /// When it counts as ended: when its spec succeeded.
    var time: WallTime
    /// Why it was skipped although it has not succeeded; nil if it has.
    var reason: String?
}

/// Actions with `once`.
extension JobController {
    /// Records that the spec of an action with `once` has succeeded.
    ///
    /// The record is committed together with the end of the job. During a store outage the jobs that have not begun wait,
    /// because nothing that depends on the success may start before it is durable.
    func recordOnceSuccess(of entry: JobEntry) {
        let job = entry.lifecycle.record
        // A job that was skipped because of an earlier success is a trace of it.
        guard let service = entry.service, job.executions > 0 || job.error == nil,
            let spec = service.action(entry.action), spec.runsOnce
        else { return }
        let record = OnceRecord(
            OnceRecord.Subject(service: service.name, action: entry.action),
            digest: OnceHistory.digest(of: spec, in: service.record.spec),
            .succeeded,
            time: job.finishedAt ?? clock.wallTime(),
            job: job.id
        )
        guard state.once.insert(record) else { return }
        journal.rows.append(.once(record))
        for other in service.jobs where other.lifecycle.record.executions == 0 { storeHealth.addUnstored(other.id) }
    }

    /// Whether an action does not run in a new run of its service; nil if it runs.
    func skippedRun(of action: ActionSpec, in spec: ServiceSpec) -> SkippedRun? {
        guard action.runsOnce else { return nil }
        if case .succeeded(let record) = state.once.state(of: action, in: spec) { return SkippedRun(time: record.time) }
        guard let number = state.revision?.goesBackTo else { return nil }
        return SkippedRun(
            time: clock.wallTime(),
            reason: "not run, because revision \(state.revisionNumber) goes back to revision \(number)"
        )
    }
}

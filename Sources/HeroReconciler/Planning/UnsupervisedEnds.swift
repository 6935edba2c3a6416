public import HeroModel

/// What is known about a program whose process is gone, while no reconciler is running.
public enum UnsupervisedProgram: Sendable {
    /// The first program of a daemon has exited, and its shim waits for the PID file.
    case isStarting
    /// The row of the job has no process, and the record of its start names one that is running.
    case isRunning
    /// It has ended; how, if its shim has recorded that.
    case ended(Outcome?)
}

/// What has ended of one service while no reconciler is running, so that the next reconciler starts it again.
///
/// An end that needs no restart, such as the success of a one-shot, is no such end.
struct UnsupervisedEnds {
    private let spec: ServiceSpec
    private let state: ServiceState
    private let jobs: [JobRecord]

    /// Compares a service with the jobs of its current run.
    init(of spec: ServiceSpec, state: ServiceState, jobs: [JobRecord]) {
        self.spec = spec
        self.state = state
        self.jobs = jobs
    }

    /// What the next reconciler starts again, as the end of a sentence; nil if there is nothing.
    func text(isAlive: (JobRecord) -> Bool, _ program: (JobRecord) -> UnsupervisedProgram) -> String? {
        guard spec.status == .start else { return nil }
        var hasLiveJob = false
        for job in jobs where !job.isStopping {
            switch job.phase {
            case .succeeded, .failed, .cancelled: continue
            case .pending, .waiting: return "\(job.action) has not started yet, and \(Self.suffix)"
            case .retrying: return "\(job.action) waits for its next try, and \(Self.suffix)"
            case .running: break
            }
            let mayRun = job.process != nil && isAlive(job)
            guard !mayRun, case .ended(let outcome) = program(job) else {
                hasLiveJob = true
                continue
            }
            guard startsAgain(job, after: outcome) else { continue }
            let fact = job.process.map { "process \($0.pid) is gone" } ?? "\(job.action) has no recorded process"
            return "\(fact)\(outcome.map { " (\($0))" } ?? ""), and \(Self.suffix)"
        }
        // The start of the remaining actions was not ordered yet.
        let isInterrupted =
            state == .starting && !hasLiveJob && jobs.count < spec.actions.count { $0.occasion == .start }
        return isInterrupted ? "its start was interrupted, and \(Self.suffix)" : nil
    }

    private static let suffix = "no reconciler is running"

    private func startsAgain(_ job: JobRecord, after outcome: Outcome?) -> Bool {
        guard let action = spec.actions.first(where: { $0.name == job.action }), let outcome else { return true }
        let isSuccess = outcome.isSuccess(codes: action.successExitCodes)
        return !isSuccess || action.restartsAfterSuccess
    }
}

public import HeroModel

/// The lifecycle of a service as functions of its jobs; the reconciler calls them after every event.
public enum ServiceLifecycle {
    /// The jobs that may start now, as indices in the order of the actions.
    ///
    /// In serial order this is the first job that is not up, if it is pending. In parallel order these are all pending
    /// jobs.
    public static func jobsToStart(_ jobs: [JobLifecycle], order: StartOrder) -> [Int] {
        switch order {
        case .serial:
            guard let next = jobs.firstIndex(where: { !$0.isUp }), jobs[next].phase == .pending else { return [] }
            return [next]
        case .parallel:
            return jobs.indices.filter { jobs[$0].phase == .pending }
        }
    }

    /// The jobs that may stop now, as indices in the order of the actions.
    ///
    /// In serial order this is the last running job, together with all jobs that do not run. In parallel order these
    /// are all jobs.
    public static func jobsToStop(_ jobs: [JobLifecycle], order: StartOrder) -> [Int] {
        func mustStop(_ job: JobLifecycle) -> Bool {
            switch job.phase {
            case .finished: false
            case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .stopping, .backingOff: true
            }
        }
        func isRunning(_ job: JobLifecycle) -> Bool {
            switch job.phase {
            case .pending, .preparing, .backingOff, .finished: false
            case .launching, .starting, .ready, .runningOnce, .stopping: true
            }
        }
        switch order {
        case .serial:
            // A job that does not run need not wait for the others, and must not start meanwhile.
            let waiting = jobs.indices.filter { !isRunning(jobs[$0]) && mustStop(jobs[$0]) }
            return waiting + (jobs.indices.last { isRunning(jobs[$0]) }.map { [$0] } ?? [])
        case .parallel:
            return jobs.indices.filter { mustStop(jobs[$0]) }
        }
    }

    /// The state of a service with these jobs.
    ///
    /// `isStartRequested` distinguishes a service that starts from one that stops.
    public static func state(_ jobs: [JobLifecycle], isStartRequested: Bool) -> ServiceState {
        let isActive = jobs.contains { !$0.isIdle }
        guard isStartRequested else {
            guard isActive else { return .stopped }
            return .stopping
        }
        guard !jobs.isEmpty else { return .stopped }
        var areAllFinished = true
        var areAllUp = true
        var hasFailed = false
        var isDegraded = false
        var isBackingOff = false
        for job in jobs {
            switch job.phase {
            case .finished(.succeeded): break
            case .finished(.failed), .finished(.cancelled):
                hasFailed = true
                areAllUp = false
            case .ready(let ready):
                areAllFinished = false
                isDegraded = isDegraded || ready.probes.degradedReason != nil
            case .backingOff:
                isBackingOff = true
                areAllUp = false
                areAllFinished = false
            case .preparing(let preparation):
                isBackingOff = isBackingOff || preparation.reason != nil
                areAllUp = false
                areAllFinished = false
            case .pending, .launching, .starting, .runningOnce, .stopping:
                areAllUp = false
                areAllFinished = false
            }
        }
        if hasFailed { return isActive ? .degraded : .failed }
        if areAllUp { return areAllFinished ? .exited : isDegraded ? .degraded : .running }
        return isBackingOff ? .backingOff : .starting
    }
}

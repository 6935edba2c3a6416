public import HeroModel

/// What follows for a service from how its jobs stand: pure questions, asked again after every event.
public enum ServiceLifecycle {
    /// Which of the jobs, in the order of the actions, may be ordered up now.
    ///
    /// In serial order that is the first one, once all before it are up; in parallel order all of them.
    public static func jobsToStart(_ jobs: [JobLifecycle], order: StartOrder) -> [Int] {
        switch order {
        case .serial:
            guard let next = jobs.firstIndex(where: { !$0.isUp }), jobs[next].phase == .pending else { return [] }
            return [next]
        case .parallel:
            return jobs.indices.filter { jobs[$0].phase == .pending }
        }
    }

    /// Which of the jobs may be ordered down now: the last ones first in serial order, else all of them.
    public static func jobsToStop(_ jobs: [JobLifecycle], order: StartOrder) -> [Int] {
        func mustGo(_ job: JobLifecycle) -> Bool {
            switch job.phase {
            case .finished: false
            case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .stopping, .backingOff: true
            }
        }
        func runs(_ job: JobLifecycle) -> Bool {
            switch job.phase {
            case .pending, .preparing, .backingOff, .finished: false
            case .launching, .starting, .ready, .runningOnce, .stopping: true
            }
        }
        switch order {
        case .serial:
            // What does not run has nothing to wait for, and must not start meanwhile; of the others one goes after another.
            let waiting = jobs.indices.filter { !runs(jobs[$0]) && mustGo(jobs[$0]) }
            return waiting + (jobs.indices.last { runs(jobs[$0]) }.map { [$0] } ?? [])
        case .parallel:
            return jobs.indices.filter { mustGo(jobs[$0]) }
        }
    }

    /// Where a service with these jobs stands.
    ///
    /// `isOrderedUp` tells one that is being started from one that is being stopped.
    public static func state(_ jobs: [JobLifecycle], isStartRequested: Bool) -> ServiceState {
        let isActive = jobs.contains { !$0.isIdle }
        guard isStartRequested else {
            guard isActive else { return .stopped }
            return .stopping
        }
        guard !jobs.isEmpty else { return .stopped }
        var isAllOver = true
        var isAllUp = true
        var hasFailed = false
        var isPartMissing = false
        var isBackingOff = false
        for job in jobs {
            switch job.phase {
            case .finished(.succeeded): break
            case .finished(.failed), .finished(.cancelled):
                hasFailed = true
                isAllUp = false
            case .ready(let up):
                isAllOver = false
                isPartMissing = isPartMissing || up.probes.degradedReason != nil
            case .backingOff:
                isBackingOff = true
                isAllUp = false
                isAllOver = false
            case .preparing(let clearing):
                isBackingOff = isBackingOff || clearing.reason != nil
                isAllUp = false
                isAllOver = false
            case .pending, .launching, .starting, .runningOnce, .stopping:
                isAllUp = false
                isAllOver = false
            }
        }
        if hasFailed { return isActive ? .degraded : .failed }
        if isAllUp { return isAllOver ? .exited : isPartMissing ? .degraded : .running }
        return isBackingOff ? .backingOff : .starting
    }
}

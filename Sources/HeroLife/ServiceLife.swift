public import HeroModel

/// What follows for a service from how its jobs stand: pure questions, asked again after every event.
public enum ServiceLife {
    /// Which of the jobs, in the order of the actions, may be ordered up now.
    ///
    /// In serial order that is the first one, once all before it are up; in parallel order all of them.
    public static func nextUp(_ jobs: [JobLife], order: StartOrder) -> [Int] {
        switch order {
        case .serial:
            guard let next = jobs.firstIndex(where: { !$0.isUp }), jobs[next].phase == .pending else { return [] }
            return [next]
        case .parallel:
            return jobs.indices.filter { jobs[$0].phase == .pending }
        }
    }

    /// Which of the jobs may be ordered down now: the last ones first in serial order, else all of them.
    public static func nextDown(_ jobs: [JobLife], order: StartOrder) -> [Int] {
        func mustGo(_ job: JobLife) -> Bool {
            switch job.phase {
            case .over: false
            case .pending, .clearing, .launching, .starting, .up, .working, .stopping, .backingOff: true
            }
        }
        func runs(_ job: JobLife) -> Bool {
            switch job.phase {
            case .pending, .clearing, .backingOff, .over: false
            case .launching, .starting, .up, .working, .stopping: true
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
    public static func state(_ jobs: [JobLife], isOrderedUp: Bool) -> ServiceState {
        let isActive = jobs.contains { !$0.isAtRest }
        guard isOrderedUp else {
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
            case .over(.succeeded): break
            case .over(.failed), .over(.cancelled):
                hasFailed = true
                isAllUp = false
            case .up(let up):
                isAllOver = false
                isPartMissing = isPartMissing || up.watch.missing != nil
            case .backingOff:
                isBackingOff = true
                isAllUp = false
                isAllOver = false
            case .clearing(let clearing):
                isBackingOff = isBackingOff || clearing.reason != nil
                isAllUp = false
                isAllOver = false
            case .pending, .launching, .starting, .working, .stopping:
                isAllUp = false
                isAllOver = false
            }
        }
        if hasFailed { return isActive ? .degraded : .failed }
        if isAllUp { return isAllOver ? .exited : isPartMissing ? .degraded : .running }
        return isBackingOff ? .backingOff : .starting
    }
}

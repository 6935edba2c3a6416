import HeroLifecycle
import HeroModel

/// A service in memory: its record, its jobs, and the operation that the plan requires.
final class ServiceEntry {
    /// What the plan requires of a service.
    enum Operation {
        /// Nothing: it is left as it is.
        case none
        /// Stop it.
        case stop
        /// Stop it, then start it with this spec.
        case restart(Declared<ServiceSpec>)
        /// Start it with this spec.
        case start(Declared<ServiceSpec>)
        /// Let its processes read their files again while they keep running.
        case reload(Reload)
    }

    /// What a reload must take up.
    struct Reload {
        var declared: Declared<ServiceSpec>
        /// The fields and files that differ, as a digest.
        var target: String
        /// The reason of the change.
        var reason: String
    }

    let name: QualifiedName
    var record: ServiceRecord
    /// Its current or last run.
    var run: RunRecord?
    /// The jobs of its run, in the order of its actions.
    var jobs: [JobEntry] = []
    /// The last start of each action in the jobs that were removed.
    var formerStarts: [String: PastStart] = [:]
    var operation = Operation.none
    /// Whether its stop has begun.
    var hasBegunStop = false
    /// Whether it stops because a service that it requires stops.
    var stopsAsDependent = false
    /// Its stop wave in the plan.
    ///
    /// A dependency that contradicts the waves (a recorded cycle) is not waited for.
    var stopWave = 0
    /// Its start wave in the plan.
    var startWave = 0
    /// A requirement that was not met when the gate of its start was last checked.
    var awaited: Requirement?
    /// How many of its active jobs were stopped since the last apply.
    var cancelledJobs = 0
    /// Whether its status is `ignore`: nothing starts, stops, restarts or heals it.
    ///
    /// This holds from the moment the manifest is applied, although no plan changes the service.
    var isIgnored = false
    /// What its run had reached when the gates that wait for it were last checked.
    var checkedMilestones = ReachedMilestones()
    /// The files of each action, as they were read last; they count for the next plan.
    var currentContents: [String: [RecordedContent]] = [:]
    /// Whether it has failed and an apply has requested another try, which has not begun yet.
    var isRetryRequested = false

    init(_ record: ServiceRecord) {
        name = record.name
        self.record = record
    }

    /// Whether one of its jobs is active.
    var isActive: Bool { jobs.contains { !$0.lifecycle.isIdle } }

    /// Whether the plan requires nothing of it, and none of its jobs is active.
    var isIdle: Bool {
        guard case .none = operation else { return false }
        return !hasBegunStop && !isActive
    }

    /// Its jobs without those that run after a stop.
    var mainJobs: [JobEntry] {
        let stopped = stoppedActions
        return stopped.isEmpty ? jobs : jobs.filter { job in !stopped.contains { $0.name == job.action } }
    }

    /// Its actions that run after a stop.
    var stoppedActions: [ActionSpec] { record.spec.actions.filter { $0.occasion == .stopped } }

    /// One of its actions, with the spec of its run.
    func action(_ name: String) -> ActionSpec? { record.spec.actions.first { $0.name == name } }

    /// The next action that must run before its stop is finished; nil if none is left, or if nothing was started.
    ///
    /// It has no job in this run yet. Each such job is made when its turn has come, so that each runs once.
    var nextStoppedAction: ActionSpec? {
        guard let run, run.endedAt == nil, mainJobs.contains(where: { $0.lifecycle.record.executions > 0 }) else {
            return nil
        }
        return stoppedActions.first { action in !jobs.contains { $0.action == action.name } }
    }

    /// Whether a stop was ordered that must still run actions after it.
    var hasUnfinishedStop: Bool { !record.isStartRequested && nextStoppedAction != nil }

    /// Whether it must stop before anything else happens to it.
    var mustStop: Bool {
        switch operation {
        case .stop, .restart: true
        case .none, .start, .reload: false
        }
    }

    /// Whether its stop cannot be finished, because a process survives SIGKILL.
    var isStuck: Bool { hasBegunStop && mustStop && jobs.contains { $0.lifecycle.isStuck } }

    /// Whether it waits to be started.
    var mustStart: Bool {
        switch operation {
        case .start: true
        case .none, .stop, .restart, .reload: false
        }
    }

    /// Whether its processes must read their files again.
    var mustReload: Bool {
        switch operation {
        case .reload: true
        case .none, .stop, .restart, .start: false
        }
    }

    /// Whether it has given up, completely or in part.
    var hasFailed: Bool {
        switch record.state {
        case .failed, .degraded: true
        case .stopped, .blocked, .starting, .running, .backingOff, .stopping, .exited: false
        }
    }

    /// Whether it is being started, or waits for its next try.
    var isComingUp: Bool {
        switch record.state {
        case .starting, .backingOff: true
        case .stopped, .blocked, .running, .degraded, .stopping, .exited, .failed: false
        }
    }

    /// Whether it is not declared, not active, and required to do nothing.
    func isRemovable(in desired: DesiredState) -> Bool {
        guard case .none = operation else { return false }
        return !isActive && desired.services[name] == nil
    }

    /// Whether its record must stay: a recorded hold keeps it although no manifest declares it.
    func isHeld(at now: WallTime) -> Bool { record.hold?.isActive(at: now) ?? false }

    /// Whether its active jobs stay and join the new run (`start.replace_existing_jobs: false`).
    ///
    /// A service that is being stopped must stop completely before it starts again.
    func canKeepActiveJobs(_ spec: ServiceSpec) -> Bool {
        !spec.replacesExistingJobs && !jobs.contains { $0.lifecycle.record.isStopping }
    }

    /// The services that must stop after it, as recorded when it was started.
    var recordedDependencies: [QualifiedName] { record.spec.requires + record.spec.after + record.spec.wants }

    /// What its current run has reached besides the state.
    var milestones: ReachedMilestones {
        ReachedMilestones(
            of: record.spec,
            jobs: jobs.lazy.map(\.lifecycle.record),
            isStartRequested: record.isStartRequested
        )
    }

    /// Whether it has reached what a dependent requires.
    func hasReached(_ milestone: Requirement.Milestone) -> Bool {
        if record.state.isUp { return true }
        switch milestone {
        case .up: return false
        case .started, .ended: return milestones.includes(milestone, in: record.state)
        }
    }

    /// The state that follows from its jobs.
    ///
    /// A program that must be kept alive can end for good only while the service is ignored. The service is not up then.
    var stateOfJobs: ServiceState {
        let state = ServiceLifecycle.state(jobs.map(\.lifecycle), isStartRequested: record.isStartRequested)
        return switch state {
        case .exited where hasEndedForGood: .stopped
        case .running where hasEndedForGood: .degraded
        case .stopped, .blocked, .starting, .running, .degraded, .backingOff, .stopping, .exited, .failed: state
        }
    }

    /// Whether a program that must always be restarted has ended well and was not restarted.
    private var hasEndedForGood: Bool {
        jobs.contains { job in
            guard case .finished(.succeeded) = job.lifecycle.phase else { return false }
            return record.spec.actions.contains { $0.name == job.action && $0.restartsAfterSuccess }
        }
    }
}

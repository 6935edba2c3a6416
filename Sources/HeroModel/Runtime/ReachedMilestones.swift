/// What a service has reached in its current run, besides its state.
///
/// A service that is up has reached every milestone.
public struct ReachedMilestones: Hashable, Sendable {
    /// Whether each of its programs executes, or has succeeded.
    public var hasStarted: Bool
    /// Whether each of its one-shots has ended, with any exit code, and is not tried again.
    public var hasEnded: Bool

    /// Makes the milestones of a service that has reached none, or those that are given.
    public init(hasStarted: Bool = false, hasEnded: Bool = false) {
        self.hasStarted = hasStarted
        self.hasEnded = hasEnded
    }

    /// The milestones that follow from the jobs of the current run.
    ///
    /// - Parameters:
    ///   - spec: The spec of the run.
    ///   - jobs: The jobs of the run.
    ///   - isStartRequested: Whether the reconciler last requested a start; a stopped service has reached nothing.
    public init(of spec: ServiceSpec, jobs: some Sequence<JobRecord>, isStartRequested: Bool) {
        self.init()
        guard isStartRequested else { return }
        let oneShots = Set(spec.actions.filter { !$0.isProcess && $0.occasion == .start }.map(\.name))
        var ended = 0
        var count = 0
        hasStarted = true
        for job in jobs {
            count += 1
            switch job.phase {
            case .running: hasStarted = hasStarted && job.process != nil && !job.isStopping
            case .succeeded: if oneShots.contains(job.action) { ended += 1 }
            case .failed:
                hasStarted = false
                if oneShots.contains(job.action) { ended += 1 }
            case .pending, .waiting, .retrying, .cancelled: hasStarted = false
            }
        }
        hasStarted = hasStarted && count > 0
        hasEnded = !oneShots.isEmpty && ended == oneShots.count
    }

    /// Whether a service in this state has reached a milestone.
    public func includes(_ milestone: Requirement.Milestone, in state: ServiceState) -> Bool {
        if state.isUp { return true }
        return switch milestone {
        case .started: hasStarted
        case .up: false
        case .ended: hasEnded
        }
    }
}

public import HeroModel

/// The state of one standalone action: its newest job and its next run.
public struct StandaloneStatus: Hashable, Sendable {
    /// The action.
    public var name: QualifiedName
    /// The state of its newest job, or of an action without a job before the first.
    public var action: ActionStatus
    /// When its schedule is due next; nil without a schedule and while it is paused.
    public var nextRunAt: WallTime?
    /// Whether `down` paused its schedule until the next apply.
    public var isPaused = false

    /// Creates a status.
    public init(name: QualifiedName, action: ActionStatus, nextRunAt: WallTime? = nil) {
        self.name = name
        self.action = action
        self.nextRunAt = nextRunAt
    }

    /// Whether its last run has not failed.
    public var isAsWanted: Bool {
        switch action.phase {
        case .failed: false
        case .pending, .waiting, .running, .retrying, .succeeded, .cancelled, nil: true
        }
    }
}

public import HeroModel

/// Where one standalone action stands: its newest job, and when it runs again.
public struct StandaloneStatus: Hashable, Sendable {
    /// The action.
    public var name: QualifiedName
    /// The words of its newest job; those of an action without a job before the first.
    public var action: ActionStatus
    /// When its schedule comes due next; nil without one, and while a `down` lets it rest.
    public var nextRunAt: WallTime?
    /// Whether it has a schedule that a `down` lets rest until the next apply.
    public var isPaused = false

    /// Makes a status.
    public init(name: QualifiedName, action: ActionStatus, nextRunAt: WallTime? = nil) {
        self.name = name
        self.action = action
        self.nextRunAt = nextRunAt
    }

    /// Whether nothing is wrong with it: its last run has not failed.
    public var isAsWanted: Bool {
        switch action.phase {
        case .failed: false
        case .pending, .waiting, .running, .retrying, .succeeded, .cancelled, nil: true
        }
    }
}

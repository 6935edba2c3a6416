/// Where a job stands, in the words that users and the database see.
public enum JobPhase: String, Hashable, Sendable, Codable, CaseIterable {
    /// Recorded; not ordered to start yet.
    case pending
    /// Ordered to start, waiting for what must be up or free before it.
    case waiting
    /// A start was ordered and has not ended: its program is about to run, runs, or is being stopped.
    case running
    /// It ended, and is started again when its delay is over.
    case retrying
    /// It ended well, for good.
    case succeeded
    /// It ended badly, for good.
    case failed
    /// It was ordered to end.
    case cancelled

    /// Running or retrying.
    public var isActive: Bool {
        switch self {
        case .running, .retrying: true
        case .pending, .waiting, .succeeded, .failed, .cancelled: false
        }
    }

    /// Whether nothing of it will ever run again.
    public var isFinished: Bool {
        switch self {
        case .succeeded, .failed, .cancelled: true
        case .pending, .waiting, .running, .retrying: false
        }
    }
}

/// Where a service stands.
public enum ServiceState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Down, by order or because nothing ever started it.
    case stopped
    /// Wanted, but something it needs is not up.
    case blocked
    /// On its way up.
    case starting
    /// Up: its processes are ready, its one-shots ended well.
    case running
    /// A part of it is up, another is not and nothing brings it back.
    case degraded
    /// A part of it waits for its next try.
    case backingOff = "backing_off"
    /// On its way down.
    case stopping
    /// All of it were one-shots, and they ended well.
    case exited
    /// It gave up.
    case failed

    /// Whether what requires it may start.
    public var isUp: Bool {
        switch self {
        case .running, .exited: true
        case .stopped, .blocked, .starting, .degraded, .backingOff, .stopping, .failed: false
        }
    }
}

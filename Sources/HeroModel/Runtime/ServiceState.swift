/// The state of a service.
public enum ServiceState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Down: it was stopped, or it was never started.
    case stopped
    /// A start is requested, but a requirement is not up.
    case blocked
    /// The service starts.
    case starting
    /// Up: its processes are ready and its one-shots have succeeded.
    case running
    /// A part is up; another part failed and is not restarted.
    case degraded
    /// A part waits before its next attempt.
    case backingOff = "backing_off"
    /// The service stops.
    case stopping
    /// All its actions are one-shots, and they have succeeded.
    case exited
    /// The service failed.
    case failed

    /// Whether services that require it may start.
    public var isUp: Bool {
        switch self {
        case .running, .exited: true
        case .stopped, .blocked, .starting, .degraded, .backingOff, .stopping, .failed: false
        }
    }
}

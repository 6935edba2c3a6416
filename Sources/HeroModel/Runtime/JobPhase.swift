/// The phase of a job, as shown to users and stored in the database.
public enum JobPhase: String, Hashable, Sendable, Codable, CaseIterable {
    /// The job is recorded; no start was requested.
    case pending
    /// A start was requested; it waits for requirements or blocked resources.
    case waiting
    /// A start is in progress: its program starts, runs, or is being stopped.
    case running
    /// The program ended; the next attempt begins after a delay.
    case retrying
    /// The job ended with success.
    case succeeded
    /// The job ended without success.
    case failed
    /// The job ended by a stop request.
    case cancelled

    /// Whether the job is running or retrying.
    public var isActive: Bool {
        switch self {
        case .running, .retrying: true
        case .pending, .waiting, .succeeded, .failed, .cancelled: false
        }
    }

    /// Whether the phase is final.
    public var isFinished: Bool {
        switch self {
        case .succeeded, .failed, .cancelled: true
        case .pending, .waiting, .running, .retrying: false
        }
    }
}

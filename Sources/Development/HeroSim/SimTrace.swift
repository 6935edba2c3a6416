public import HeroKernel
public import HeroModel

/// What really happened on the machine, kept by the machine itself: the judge never asks our own database.
public struct SimTrace: Sendable {
    /// One execution of a program.
    public struct Execution: Sendable {
        /// The start it was.
        public var start: StartID
        /// `context/service.action`.
        public var label: String
        /// When it executed.
        public var began: Moment
        /// When it was over.
        public var ended: Moment?
        /// How.
        public var outcome: Outcome?
        /// Whether its shim was killed, so that nobody may know how it ended.
        public var lostShim: Bool
        /// When it said that it is ready, where it may speak.
        public var notifiedReadyAt: Moment?
        /// Whether the machine was restarted since.
        public var beforeReboot = false
    }

    /// Something a reconciler did to the machine.
    public enum Action: Sendable {
        /// It ordered a start.
        case launched(StartID, label: String)
        /// It sent a signal to the program of a start.
        case signaled(StartID, label: String, Signal)
    }

    /// What reconcilers did, oldest first, with the moment.
    public internal(set) var actions: [(deed: Action, at: Moment)] = []
    /// Every execution, oldest first.
    public internal(set) var executions: [Execution] = []
    /// Promises that were broken, in words.
    public internal(set) var violations: [String] = []

    /// How often programs of a job were executed.
    public func executions(of job: JobID) -> Int {
        executions.reduce(0) { $0 + ($1.start.job == job ? 1 : 0) }
    }

    /// The labels whose program runs now.
    public var running: [String] { executions.filter { $0.ended == nil }.map(\.label) }
}

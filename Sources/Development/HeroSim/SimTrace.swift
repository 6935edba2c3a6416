public import HeroKernel
public import HeroModel

/// What has actually happened on the machine.
///
/// The checks use this trace, and the database only to compare it.
public struct SimTrace: Sendable {
    /// One execution of a program.
    public struct Execution: Sendable {
        /// Its start.
        public var start: StartID
        /// `context/service.action`.
        public var label: String
        /// When it began to execute.
        public var began: Moment
        /// When it ended; nil while it runs.
        public var ended: Moment?
        /// How it ended; nil while it runs.
        public var outcome: Outcome?
        /// Whether its shim was killed, so that its exit status may be unknown.
        public var lostShim: Bool
        /// When it sent READY=1; nil when it has not.
        public var notifiedReadyAt: Moment?
        /// Whether the machine was restarted since then.
        public var beforeReboot = false
    }

    /// An action of a reconciler on the machine.
    public enum Action: Sendable {
        /// It requested a start.
        case launched(StartID, label: String)
        /// It sent a signal to the program of a start.
        case signaled(StartID, label: String, Signal)
    }

    /// The stop and reload commands that were run, oldest first.
    public internal(set) var commands: [[String]] = []
    /// The actions of all reconcilers with their moment, oldest first.
    public internal(set) var actions: [(action: Action, at: Moment)] = []
    /// Every execution, oldest first.
    public internal(set) var executions: [Execution] = []
    /// Invariants that were violated, as messages.
    public internal(set) var violations: [String] = []

    /// How often programs of a job have executed.
    public func executions(of job: JobID) -> Int {
        executions.reduce(0) { $0 + ($1.start.job == job ? 1 : 0) }
    }

    /// The labels of the programs that run now.
    public var running: [String] { executions.filter { $0.ended == nil }.map(\.label) }
}

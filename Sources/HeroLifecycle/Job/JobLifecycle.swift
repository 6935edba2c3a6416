public import HeroModel

/// The lifecycle of one job: from the start request, through all restarts, to its end.
///
/// Overview: a job has one record for all its starts. Each start has its own generation number. Every event from the
/// kernel carries the generation of its start, so a late event cannot be mistaken for a current one. `handle` moves the
/// state machine and returns effects. The reconciler stores `record` before it carries out the effects.
///
/// The wanted state is not a flag next to the phase: a stop request moves the job to `stopping`, and `nextStep` of that
/// phase decides what follows.
public struct JobLifecycle: Hashable, Sendable {
    /// The phase of a job.
    ///
    /// Each case carries exactly the values that exist in that phase.
    public enum Phase: Hashable, Sendable {
        /// The job exists, and no start was requested.
        ///
        /// Ends by `startRequested` and `stopRequested`.
        case pending
        /// A start was requested, and its blockers are being checked or removed.
        ///
        /// Ends when no blocker is left, and by `stopRequested`.
        case preparing(Preparation)
        /// The start was ordered from the kernel, and the program does not execute yet.
        ///
        /// `refusedStarts` counts the consecutive starts that the machine refused for lack of resources. Ends by
        /// `started`,
        /// `ended`, `stopRequested`, or at `until`.
        case launching(until: Moment, refusedStarts: Int = 0)
        /// The process executes and is not ready.
        ///
        /// Ends when a probe succeeds, by `ended` and `stopRequested`, or at `Starting.until`.
        case starting(Starting)
        /// The process is ready.
        ///
        /// Ends by `ended` and `stopRequested`, and when the process is unhealthy.
        case ready(Ready)
        /// A one-shot executes.
        ///
        /// Ends by `ended`, `stopRequested`, or at `until`.
        case runningOnce(ProcessIdentity, until: Moment?)
        /// The program is being stopped.
        ///
        /// Ends only by `ended`: no new start begins before the process tree is gone.
        case stopping(Stopping)
        /// The job waits before its next attempt.
        ///
        /// Ends at `until` and by `stopRequested`.
        case backingOff(until: Moment)
        /// The job has reached its final state.
        case finished(FinalState)
    }

    /// A process that executes and is not ready.
    public struct Starting: Hashable, Sendable {
        /// The main process.
        public var process: ProcessIdentity
        /// When the process began to execute.
        public var since: Moment
        /// When the process must be ready.
        public var until: Moment
        /// When the next probe starts; nil while a probe runs.
        public var nextProbeAt: Moment?
        /// The number of the last probe.
        public var serial: UInt64
        /// The number of consecutive successful probes.
        public var successes: Int
        /// Why the last probe failed or was skipped.
        public var lastFailure: String?
        /// Whether the first program has exited, so that the PID file must name another main process.
        public var awaitsSuccessor = false
        /// Whether the last probe was skipped, so that it is unknown whether the process is ready.
        public var wasLastProbeSkipped = false
    }

    /// A program that is being stopped.
    public struct Stopping: Hashable, Sendable {
        /// The main process; nil until it is known.
        public var process: ProcessIdentity?
        /// When SIGKILL follows; set again after each SIGKILL.
        public var killAt: Moment
        /// What follows when the process tree is gone.
        public var nextStep: NextStep
        /// Whether the stop command runs, so that the stop signal has not been sent yet.
        public var isCommandRunning = false
        /// How often SIGKILL was sent to the process tree.
        public var killCount = 0
        /// How the main process ended by itself, before the rest of its tree; nil if the whole program is being stopped.
        public var mainEnd: MainEnd?
        /// The processes that survived SIGKILL, as text; nil if they were not determined.
        public var survivors: String?

        /// What follows when the process tree is gone.
        public enum NextStep: Hashable, Sendable {
            /// The job is cancelled, because a stop was requested.
            case finish
            /// What the restart policy says about the recorded end of the main process.
            case conclude
            /// The next attempt, or the failure of the job; the text is the reason for the stop.
            case retry(String)
        }
    }

    /// How the main process of a program ended by itself while other processes of its tree were running.
    public struct MainEnd: Hashable, Sendable {
        /// The exit status of the main process.
        public var outcome: Outcome
        /// When it ended.
        public var at: Moment
        /// When the program became ready, or began to execute if it was not ready; nil for a one-shot.
        public var upSince: Moment?
        /// Whether the program was ready.
        public var wasReady: Bool
        /// How many other processes of its tree were running.
        public var remainingProcesses: Int
        /// Why the PID file was not accepted when the first program had exited well.
        public var pidFileProblem: PIDFileProblem?
    }

    /// The final state of a job.
    public enum FinalState: Hashable, Sendable {
        /// The last program ended with a success code.
        case succeeded
        /// The job gave up.
        case failed
        /// A stop was requested.
        case cancelled
    }

    /// The current phase.
    public internal(set) var phase: Phase
    /// The stored part of the job; every transition updates it together with `phase`.
    public internal(set) var record: JobRecord
    /// The messages of the program of this start to its notify socket; nil after an adoption until the first report
    /// arrives.
    public internal(set) var notifyState: NotifyState?

    /// The starts that count for `retry.within`.
    public internal(set) var recentTries = RecentTries()

    /// Makes a new job.
    public init(_ record: JobRecord) {
        self.record = record
        phase = .pending
    }

    /// Makes a job that counts as succeeded and never runs, because an earlier success stands.
    ///
    /// - Parameters:
    ///   - record: The new record.
    ///   - time: When the job counts as ended.
    ///   - reason: Why it was skipped although there is no earlier success; nil if there is one.
    public init(_ record: JobRecord, endedAt time: WallTime, because reason: String?) {
        self.record = record
        phase = .finished(.succeeded)
        self.record.phase = .succeeded
        self.record.finishedAt = time
        self.record.error = reason
    }

    /// When `deadlineReached` must be sent; nil if only another event moves the job.
    public var deadline: Moment? {
        switch phase {
        case .pending, .finished: nil
        case .preparing(let preparation): preparation.nextCheckAt
        case .launching(let until, refusedStarts: _), .backingOff(let until): until
        case .ready(let ready): ready.deadline
        case .starting(let starting): starting.nextProbeAt.map { min($0, starting.until) } ?? starting.until
        case .runningOnce(_, let until): until
        case .stopping(let stopping): stopping.killAt
        }
    }

    /// Whether the jobs that start after this one may start: the process is ready, or the one-shot succeeded.
    public var isUp: Bool {
        switch phase {
        case .ready(let ready): ready.announcement != .stopping
        case .finished(.succeeded): true
        case .pending, .preparing, .launching, .starting, .runningOnce, .stopping, .backingOff, .finished(.failed),
            .finished(.cancelled):
            false
        }
    }

    /// Whether the process tree still exists one stop timeout after it was killed.
    ///
    /// Its processes are blocked in the kernel, or heroproc's user may not signal them.
    public var isStuck: Bool {
        switch phase {
        case .stopping(let stopping): stopping.killCount > 1
        case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .backingOff, .finished: false
        }
    }

    /// Moves the job to a new run of its service without a change of its phase.
    public mutating func joinRun(_ run: RunID) { record.run = run }

    /// Whether the job has not begun or is finished.
    public var isIdle: Bool {
        switch phase {
        case .pending, .finished: true
        case .preparing, .launching, .starting, .ready, .runningOnce, .stopping, .backingOff: false
        }
    }
}

public import HeroModel

/// The life of one job: from its order to start, through every restart, to its end.
///
/// Overview: a job has one record for all its starts. Each start has a generation of its own, and whatever comes back from
/// the kernel says which generation it is about, so that a late answer cannot be taken for a new one. The machine moves in
/// `handle`; what it wants done comes back as effects, and `record` is what must be stored before they are done.
///
/// What is wanted is not a flag beside the phase: an order to end moves the job to `stopping`, whose `next` says what
/// follows.
public struct JobLifecycle: Hashable, Sendable {
    /// Where it stands.
    ///
    /// Each case carries exactly what is true in it.
    public enum Phase: Hashable, Sendable {
        /// Made, not ordered to start.
        ///
        /// Leaves by `orderedUp` and `orderedDown`.
        case pending
        /// A start is wanted, and what may stand in its way is looked at or cleared.
        ///
        /// Leaves when nothing does, and by `orderedDown`.
        case preparing(Preparation)
        /// A start is ordered, its program does not execute yet.
        ///
        /// `refusals` counts the starts in a row that the machine had no room for. Leaves by `started`, `ended`, `orderedDown`,
        /// or at `until`.
        case launching(until: Moment, refusedStarts: Int = 0)
        /// A process executes and is not ready.
        ///
        /// Leaves when it answers, ends, is ordered down, or at `Starting.until`.
        case starting(Starting)
        /// A process is ready.
        ///
        /// Leaves by `ended` and `orderedDown`, and when it is not healthy.
        case ready(Ready)
        /// A one-shot executes.
        ///
        /// Leaves by `ended`, `orderedDown`, or at `until`.
        case runningOnce(ProcessIdentity, until: Moment?)
        /// The program is being ended.
        ///
        /// Leaves by `ended` alone: nothing starts before the tree is gone.
        case stopping(Stopping)
        /// It waits for its next try.
        ///
        /// Leaves at `until` and by `orderedDown`.
        case backingOff(until: Moment)
        /// It is over, for good.
        case finished(FinalState)
    }

    /// A process on its way to readiness.
    public struct Starting: Hashable, Sendable {
        /// The main program.
        public var process: ProcessIdentity
        /// When it executed.
        public var since: Moment
        /// When it must be ready.
        public var until: Moment
        /// When the question is asked next; nil while an answer is awaited.
        public var nextProbeAt: Moment?
        /// The number of the last question.
        public var serial: UInt64
        /// Good answers in a row.
        public var successes: Int
        /// Why the last answer was no.
        public var lastFailure: String?
        /// Whether the last question could not be asked, so that nobody knows whether it is ready.
        public var wasLastProbeSkipped = false
    }

    /// A program on its way down.
    public struct Stopping: Hashable, Sendable {
        /// The main program; nil while it is not known yet.
        public var process: ProcessIdentity?
        /// When SIGKILL follows; moved on each time it had to be sent.
        public var killAt: Moment
        /// What comes when the tree is gone.
        public var nextStep: NextStep
        /// How often SIGKILL had to be sent to what is left.
        public var killCount = 0
        /// What lives on although it was killed, in words; nil: nobody has looked.
        public var survivors: String?

        /// What comes when the tree is gone.
        public enum NextStep: Hashable, Sendable {
            /// Nothing: it was ordered down.
            case finish
            /// The next try, or giving up; the text says what was wrong.
            case retry(String)
        }
    }

    /// How a job is over.
    public enum FinalState: Hashable, Sendable {
        /// Its last program ended well.
        case succeeded
        /// It gave up.
        case failed
        /// It was ordered down.
        case cancelled
    }

    /// Where it stands.
    public internal(set) var phase: Phase
    /// What is stored of it: kept in step with `phase` by every transition.
    public internal(set) var record: JobRecord
    /// What the program of this start has said of itself; nil: a former reconciler has heard it, and this one not yet.
    public internal(set) var notifyState: NotifyState?

    /// A new job.
    public init(_ record: JobRecord) {
        self.record = record
        phase = .pending
    }

    /// When it must be woken; nil: only an event moves it.
    public var deadline: Moment? {
        switch phase {
        case .pending, .finished: nil
        case .preparing(let clearing): clearing.nextCheckAt
        case .launching(let until, refusedStarts: _), .backingOff(let until): until
        case .ready(let up): up.deadline
        case .starting(let starting): starting.nextProbeAt.map { min($0, starting.until) } ?? starting.until
        case .runningOnce(_, let until): until
        case .stopping(let stopping): stopping.killAt
        }
    }

    /// Whether what starts after it may start.
    public var isUp: Bool {
        switch phase {
        case .ready(let up): up.announcement != .stopping
        case .finished(.succeeded): true
        case .pending, .preparing, .launching, .starting, .runningOnce, .stopping, .backingOff, .finished(.failed),
            .finished(.cancelled):
            false
        }
    }

    /// Whether it does not end although its tree was killed, and time was given for that: a program in the kernel's hands, or one
    /// that this user may not signal.
    public var isStuck: Bool {
        switch phase {
        case .stopping(let stopping): stopping.killCount > 1
        case .pending, .preparing, .launching, .starting, .ready, .runningOnce, .backingOff, .finished: false
        }
    }

    /// Goes on in a new run of its service, as it is.
    public mutating func joinRun(_ run: RunID) { record.run = run }

    /// Whether it is over, or never began.
    public var isIdle: Bool {
        switch phase {
        case .pending, .finished: true
        case .preparing, .launching, .starting, .ready, .runningOnce, .stopping, .backingOff: false
        }
    }
}

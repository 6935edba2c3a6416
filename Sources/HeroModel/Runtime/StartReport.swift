/// A program that executes.
public struct StartReport: Hashable, Sendable {
    /// Its main process.
    public var process: ProcessIdentity
    /// When it began to execute, on the boot clock.
    public var at: Moment
    /// The same, on the calendar.
    public var time: WallTime

    /// Makes a report.
    public init(process: ProcessIdentity, at moment: Moment, time: WallTime) {
        self.process = process
        self.at = moment
        self.time = time
    }
}

/// How a start has ended.
public struct EndReport: Hashable, Sendable {
    /// The exit status, or why there is none.
    public var outcome: Outcome
    /// When it ended, on the calendar; nil when that is unknown.
    public var time: WallTime?
    /// The program that executed; nil when none did in this start.
    public var executed: StartReport?
    /// How many bytes of output could not be written to the log.
    public var droppedBytes: Int64
    /// Why the PID file was not accepted when the first program had exited well.
    public var pidFileProblem: PIDFileProblem?

    /// Makes a report.
    public init(
        outcome: Outcome,
        time: WallTime?,
        executed: StartReport?,
        droppedBytes: Int64 = 0,
        pidFileProblem: PIDFileProblem? = nil
    ) {
        self.outcome = outcome
        self.time = time
        self.executed = executed
        self.droppedBytes = droppedBytes
        self.pidFileProblem = pidFileProblem
    }

    /// How long its program executed; zero when that is unknown, or when the calendar was set back meanwhile.
    public var runDuration: Duration {
        guard let executed, let time else { return .zero }
        let (duration, overflow) = time.microseconds.subtractingReportingOverflow(executed.time.microseconds)
        return overflow ? .zero : max(.zero, .microseconds(duration))
    }
}

/// How the main process of a start has ended while other processes of its tree are running.
public struct MainEndReport: Hashable, Sendable {
    /// The exit status of the main process.
    public var outcome: Outcome
    /// When it ended, on the calendar; nil when that is unknown.
    public var time: WallTime?
    /// How many other processes of its tree were running then.
    public var remainingProcesses: Int
    /// Why the PID file was not accepted when the first program had exited well.
    public var pidFileProblem: PIDFileProblem?

    /// Makes a report.
    public init(
        outcome: Outcome,
        time: WallTime?,
        remainingProcesses: Int,
        pidFileProblem: PIDFileProblem? = nil
    ) {
        self.outcome = outcome
        self.time = time
        self.remainingProcesses = remainingProcesses
        self.pidFileProblem = pidFileProblem
    }
}

extension MainEndReport: CustomStringConvertible {
    /// The text for users: `main ended with exit code 0; stopping 1 process it left behind`.
    public var description: String {
        let processes = remainingProcesses == 1 ? "1 process" : "\(remainingProcesses) processes"
        return "main ended with \(outcome); stopping \(processes) it left behind"
    }
}

/// What a new reconciler finds of the last start of a job.
public enum RecoveredStart: Hashable, Sendable {
    /// A shim supervises this generation; the report exists once its program executes.
    ///
    /// The kernel watches it from now on.
    case supervised(generation: UInt32, StartReport?)
    /// A shim stops the process tree of this generation, whose main process has ended.
    ///
    /// The kernel watches it from now on.
    case mainEnded(generation: UInt32, StartReport, MainEndReport)
    /// The shim is gone, the program is not.
    ///
    /// The kernel watches it from now on; the program must be stopped.
    case orphaned(generation: UInt32, StartReport)
    /// This generation has ended.
    case ended(generation: UInt32, EndReport)
    /// No start of the job has left a record on this boot.
    case notFound
}

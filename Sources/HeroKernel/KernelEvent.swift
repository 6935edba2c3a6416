public import HeroModel

/// What happened outside.
public enum KernelEvent: Hashable, Sendable {
    /// The program of a start executes.
    case started(StartID, StartReport)
    /// The main program of a start ended well, and this process of its tree took over (contract section 3, `pid_file`);
    /// or the program named this one as its main process.
    case mainProcessReplaced(StartID, ProcessIdentity)
    /// What the program of a start has said of itself, whenever that matters at once, and when it is asked how it is.
    case notified(StartID, NotifyState)
    /// A start is over: its whole tree is gone and its lock is free.
    case ended(StartID, EndReport)
    /// The shim of a start is gone, but its program is not.
    ///
    /// It must be ended (reliability.md 2.5); its end arrives as `ended`.
    case shimLost(StartID, StartReport)
    /// Root executes a program that a stranger can write or exchange: by whom it was started, and what is wrong, in words.
    case unsafeProgram(String, String)
    /// The answer to a probe.
    case probeFinished(StartID, serial: UInt64, ProbeResult)
    /// The calendar was set: it has jumped, and may have jumped back (reliability.md TM-1).
    case clockChanged
    /// The machine was suspended for more than a few seconds: nobody could answer anything meanwhile (reliability.md TM-2).
    case machineSlept
    /// Files of the watched directory may have changed.
    case filesChanged
    /// A whole message arrived on the control socket.
    case requestReceived(RequestID, [UInt8])
    /// The other side of a connection left.
    case clientDisconnected(RequestID)
    /// The reconciler itself was asked to end, by SIGTERM or SIGINT.
    case terminationRequested
}

/// A program that executes.
public struct StartReport: Hashable, Sendable {
    /// Its main process.
    public var process: ProcessIdentity
    /// When it was released, on the boot clock.
    public var at: Moment
    /// The same on the calendar.
    public var time: WallTime

    /// Makes a report.
    public init(process: ProcessIdentity, at moment: Moment, time: WallTime) {
        self.process = process
        self.at = moment
        self.time = time
    }
}

/// How a start ended.
public struct EndReport: Hashable, Sendable {
    /// How.
    public var outcome: Outcome
    /// When, on the calendar; nil when nobody knows.
    public var time: WallTime?
    /// The program that had executed; nil when none ever did in this start.
    public var executed: StartReport?
    /// Bytes of output that could not be written to the log.
    public var droppedBytes: Int64

    /// Makes a report.
    public init(outcome: Outcome, time: WallTime?, executed: StartReport?, droppedBytes: Int64 = 0) {
        self.outcome = outcome
        self.time = time
        self.executed = executed
        self.droppedBytes = droppedBytes
    }
}

/// What is found of a job by a reconciler that did not see it happen.
public enum RecoveredStart: Hashable, Sendable {
    /// A shim holds this generation; the report is there once its program executes.
    ///
    /// Followed from now on.
    case supervised(generation: UInt32, StartReport?)
    /// The shim is gone, the program is not.
    ///
    /// Followed from now on, and must be ended.
    case orphaned(generation: UInt32, StartReport)
    /// This generation is over.
    case ended(generation: UInt32, EndReport)
    /// No start of it has left a trace on this boot.
    case notFound
}

/// The answer to one question.
public enum ProbeResult: Hashable, Sendable {
    /// It does.
    case succeeded
    /// It does not, and this is why, in words.
    case failed(String)
    /// It could not be asked, because the machine has no room for the question; why, in words.
    case skipped(String)
}

/// What a services directory holds.
public enum ManifestReadResult: Hashable, Sendable {
    /// All its manifest files, sorted by path.
    case files([ManifestFile])
    /// It cannot be read, and this is why, in words.
    case unreadable(String)
}

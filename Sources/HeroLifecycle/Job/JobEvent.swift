public import HeroModel

/// What can happen to a job.
public enum JobEvent: Hashable, Sendable {
    /// It is wanted: start its program.
    case startRequested
    /// It is no longer wanted: end its program.
    case stopRequested
    /// This stands between it and its start; asked for by `wantsLook`.
    case blockersChecked(StartBlockers)
    /// The start that was ordered is not made: an order to end came before the deed was done.
    case launchCancelled(generation: UInt32)
    /// Its program executes.
    case started(generation: UInt32, process: ProcessIdentity, at: Moment, time: WallTime)
    /// Its program forked away: the one that its PID file names, or that it named itself, goes on in its place.
    case mainProcessReplaced(generation: UInt32, process: ProcessIdentity)
    /// Its program says how it is; all of what it has said so far in this start.
    case notified(generation: UInt32, NotifyState)
    /// A start is over, its tree gone.
    ///
    /// `executed` says whether a program ever ran in it.
    case ended(generation: UInt32, Outcome, executed: Bool, time: WallTime?)
    /// Its shim is gone, its program is not.
    case shimLost(generation: UInt32, process: ProcessIdentity, at: Moment, time: WallTime)
    /// The last question was answered yes.
    case probeSucceeded(generation: UInt32, serial: UInt64)
    /// The last question was answered no, for a reason.
    case probeFailed(generation: UInt32, serial: UInt64, String)
    /// The last question could not be asked: the machine has no room for it.
    case probeSkipped(generation: UInt32, serial: UInt64, String)
    /// These processes of it live on although its tree was killed.
    case survivedKill(generation: UInt32, [String])
    /// Its action was changed in place.
    case specChanged
    /// The machine was suspended for a while.
    case machineSlept
    /// An apply wants what waits for its next try tried now.
    case retryRequested
    /// The deadline it asked for is reached.
    case deadlineReached
}

/// What must be done about it, in this order; each a single small deed.
public enum JobEffect: Hashable, Sendable {
    /// Start this generation of the program.
    ///
    /// The record that says so is stored first.
    case launch(generation: UInt32)
    /// Remove a socket file that nobody holds.
    case removeSocket(SocketFile)
    /// Send a signal to the main program, or to a process in the way.
    case signal(ProcessIdentity, Signal)
    /// End with SIGKILL whatever is left of this generation.
    case killTree(generation: UInt32)
    /// Ask a question.
    case startProbe(generation: UInt32, serial: UInt64, ProbeKind)
    /// Forget what was asked.
    case stopProbe
    /// Its end is recorded for good: remove its traces from the run directory.
    case removeRuntimeFiles
    /// Tell people.
    case recordEvent(EventRecord.Level, String)
}

/// What can happen to one start of a job.
///
/// The kernel reports it with the identity of the start, and the lifecycle of the job receives it with the generation.
public enum StartEvent: Hashable, Sendable {
    /// The program executes.
    case started(StartReport)
    /// Another process is the main process now.
    ///
    /// Either the main process has exited well and the PID file names its successor (contract section 3, `pid_file`), or
    /// the program has named its main process itself.
    case mainProcessReplaced(ProcessIdentity)
    /// The first program has exited with a success code, and the shim waits until the PID file names the main process.
    ///
    /// The problem is why the shim does not accept the file as it is; nil if that is not recorded.
    case successorAwaited(PIDFileProblem?)
    /// The main process has ended, and the shim stops the other processes of its tree.
    ///
    /// The end of the start arrives as `ended`.
    case mainEnded(MainEndReport)
    /// The program has sent notify messages: the state holds everything that it has sent in this start.
    ///
    /// It arrives when a change matters at once, and when a probe reads the state.
    case notified(NotifyState)
    /// The start has ended: its process tree is gone and its lock is free.
    case ended(EndReport)
    /// The shim is gone, but its program is not.
    ///
    /// The program must be stopped; its end arrives as `ended`.
    case shimLost(StartReport)
    /// A probe has finished; `serial` is that of its request.
    case probeFinished(serial: UInt64, ProbeResult)
}

/// The result of one probe.
public enum ProbeResult: Hashable, Sendable {
    /// The probe has succeeded.
    case succeeded
    /// The probe has failed; the reason as a text.
    case failed(String)
    /// The probe could not be made, because the machine lacks resources for it; the reason as a text.
    case skipped(String)
}

public import HeroModel

/// What has happened outside the reconciler.
public enum KernelEvent: Hashable, Sendable {
    /// The program of a start executes.
    case started(StartID, StartReport)
    /// Another process is the main process of a start now.
    ///
    /// Either the main process has exited well and the PID file names its successor (contract section 3, `pid_file`),
    /// or the program has named its main process itself.
    case mainProcessReplaced(StartID, ProcessIdentity)
    /// The program of a start has sent notify messages: their combined state.
    ///
    /// It arrives when a change matters at once, and when a probe reads the state.
    case notified(StartID, NotifyState)
    /// A start has ended: its process tree is gone and its lock is free.
    case ended(StartID, EndReport)
    /// The shim of a start is gone, but its program is not.
    ///
    /// The program must be stopped (reliability.md 2.5); its end arrives as `ended`.
    case shimLost(StartID, StartReport)
    /// Root executes a program that another user can write or replace: the label of the start, and the reason.
    case unsafeProgram(String, String)
    /// A probe has finished; `serial` is that of its request.
    case probeFinished(StartID, serial: UInt64, ProbeResult)
    /// The calendar was set forward or back (reliability.md TM-1).
    case clockChanged
    /// The machine was suspended for more than a few seconds, so no program could respond meanwhile (reliability.md
    /// TM-2).
    case machineSlept
    /// Files of the watched directory may have changed.
    case filesChanged
    /// A complete message arrived on the control socket.
    case requestReceived(RequestID, [UInt8])
    /// A client has closed its connection.
    case clientDisconnected(RequestID)
    /// The reconciler was asked to exit, by SIGTERM or SIGINT.
    case terminationRequested
}

public import HeroModel

/// What has happened outside the reconciler.
public enum KernelEvent: Hashable, Sendable {
    /// Something has happened to a start of a job.
    case start(StartID, StartEvent)
    /// A start was made although something is wrong with it: its label, and what is wrong.
    case warning(String, String)
    /// The calendar was set forward or back (TM-1).
    case clockChanged
    /// The machine was suspended for more than a few seconds, so no program could respond meanwhile
    /// (TM-2).
    case machineSlept
    /// Files of the watched directory may have changed.
    case filesChanged
    /// The content of these watched files or directories may have changed.
    case contentChanged([String])
    /// A fetch of the followed git repository has ended.
    case repositoryFetched(RepositoryReply)
    /// The run directory was removed by another program.
    case runDirectoryLost(RunDirectoryRecovery)
    /// A complete message arrived on the control socket.
    case requestReceived(RequestID, [UInt8])
    /// A client has closed its connection.
    case clientDisconnected(RequestID)
    /// The reconciler was asked to exit, by SIGTERM or SIGINT.
    case terminationRequested
}

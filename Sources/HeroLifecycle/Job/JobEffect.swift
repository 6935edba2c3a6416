public import HeroModel

/// A single action that the reconciler must carry out for a job.
///
/// The reconciler carries out the effects of a transition in their order, after the record of the job is stored.
public enum JobEffect: Hashable, Sendable {
    /// Start this generation of the program.
    ///
    /// The record of the job with this generation is stored first.
    case launch(generation: UInt32)
    /// Remove a socket file that no process holds.
    case removeSocket(SocketFile)
    /// Remove a PID file that an earlier start has left behind.
    case removePIDFile(LeftPIDFile)
    /// Send a signal to the main process, or to a process that holds a resource of the job.
    case signal(ProcessIdentity, Signal)
    /// Send a signal to the main process and to every other process of this generation.
    case signalTree(generation: UInt32, main: ProcessIdentity, Signal)
    /// Send the signal of a reload to the main process, and report whether it was sent.
    case signalReload(generation: UInt32, ProcessIdentity, Signal)
    /// Kill every process that is left of this generation with SIGKILL.
    case killTree(generation: UInt32)
    /// Start a probe.
    case startProbe(generation: UInt32, serial: UInt64, ProbeKind)
    /// Stop the running probe and discard its result.
    case stopProbe
    /// Remove the runtime files of the job, because its end is stored.
    case removeRuntimeFiles
    /// Record an event for the user.
    case recordEvent(EventRecord.Level, String)
}

/// What a probe of a running program checks.
public enum ProbeKind: Hashable, Sendable {
    /// Whether the program is ready: its `ready` probe, or whether its process tree listens on all declared sockets and
    /// ports.
    case readiness
    /// Whether the program is healthy: its `health` probe.
    case health
    /// Whether the process tree still listens on all declared sockets and ports.
    case listening
    /// Nothing: it runs the stop command, and its end is reported like that of a probe.
    case stopCommand
    /// Nothing: it runs the reload command, and its end is reported like that of a probe.
    case reloadCommand
}

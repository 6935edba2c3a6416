public import HeroModel

/// Starts and ends the programs of jobs, each below a shim.
public protocol ProcessControl: AnyObject {
    /// `PATH HOME USER LOGNAME SHELL LANG TZ` of every service, independent of how the reconciler was started
    /// (SP-3).
    var baseEnvironment: [String: String] { get }

    /// Starts a shim that starts the program.
    ///
    /// The result arrives as `started` and later `ended`, also when the start fails at once.
    func launch(_ request: LaunchRequest)

    /// Sends a signal to a process that is provably the recorded one.
    ///
    /// - Returns: false when it is gone or cannot be proven.
    @discardableResult
    func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool

    /// Sends a signal to the main process and to every other process of its start, at once.
    ///
    /// Only processes that are provably of this start receive it.
    func signalTree(_ start: StartID, main process: ProcessIdentity, _ signal: Signal)

    /// Sends SIGKILL to every process of a start, with or without a shim.
    ///
    /// The end arrives as `ended`.
    func killTree(_ start: StartID)

    /// The first few processes of a start that survived SIGKILL, as texts.
    func survivors(of start: StartID) -> [String]

    /// Stores the output of a start whose shim is gone, as far as its pipes can be opened, until its `ended`.
    func captureOutput(_ request: OutputCaptureRequest)

    /// Finds the current start of each of these jobs, and watches those that are active: their end arrives as `ended`.
    ///
    /// - Parameters:
    ///   - jobs: The jobs.
    ///   - known: The programs that the database names as running. Such a program is found by its identity when the
    ///     record of its start is gone, for example with the run directory of a login session.
    /// - Returns: What was found of each job.
    func adopt(_ jobs: [JobID], known: [JobID: KnownProgram]) -> [JobID: RecoveredStart]

    /// Prevents a requested start that has left no trace: a shim that is only slow is refused from now on
    /// (SH-6).
    ///
    /// - Returns: false when the start has begun meanwhile, so that the caller must look for it again.
    func retire(_ start: StartID) -> Bool
}

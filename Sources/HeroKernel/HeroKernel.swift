// Law: the only door to the outside world, described.
//
// Whatever happens outside the program's own memory and its store goes through `Kernel`: HeroLinux opens the door on a real
// machine, HeroSim on a machine made from one number. Calls never block; what comes of them arrives as events.

public import HeroModel
public import HeroSchedule

/// The outside world as the reconciler sees it.
///
/// Used from one thread only. An event says what happened to which start of which job; a job's start is known by its
/// generation, so an answer that comes late can be told from one that is meant.
public protocol Kernel: AnyObject {
    /// The boot this kernel lives in; deadlines of another boot are void.
    var bootID: String { get }

    /// `PATH HOME USER LOGNAME SHELL LANG TZ` as services get them, whoever started the reconciler (reliability.md SP-3).
    var baseEnvironment: [String: String] { get }

    /// What this machine offers for holding and limiting trees of processes.
    var capabilities: ContainmentSupport { get }

    /// The boot clock.
    func now() -> Moment

    /// The calendar.
    func wallTime() -> WallTime

    /// The clocks of a place by its name in the time zone database, such as `Europe/Brussels`.
    ///
    /// `UTC` is known everywhere; nil where this machine does not know the name.
    func zone(named name: String) -> TimeZoneRules?

    /// A random number from 0 to just below 1, for jitter.
    func randomUnit() -> Double

    /// Looks at what stands between an action and its start; touches nothing.
    func scanStartBlockers(_ order: BlockerScanRequest) -> StartBlockers

    /// Looks at many actions at once, for a plan; touches nothing.
    ///
    /// - Returns: as many answers, in the same order.
    func inspectActions(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult]

    /// Removes a socket file that was judged stale, if it is still that very one (reliability.md SK-4).
    func removeSocket(_ file: SocketFile)

    /// Starts a shim that starts the program.
    ///
    /// The result arrives as `started` and later `ended`; also when it fails at once.
    func launch(_ order: LaunchRequest)

    /// Sends a signal to a process that is provably the one recorded.
    ///
    /// - Returns: false when it is gone or cannot be proven.
    @discardableResult
    func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool

    /// Ends with SIGKILL whatever is left of a start, shim or no shim.
    ///
    /// Its end arrives as `ended`.
    func killTree(_ start: StartID)

    /// Goes on storing the output of a start that is told as orphaned, as far as its pipes can be reached, until its `ended`.
    ///
    /// Where they cannot be, nothing is done.
    func captureOutput(_ order: OutputCaptureRequest)

    /// The processes of a start that live, in words, the first few of them; for a start that does not end although it was killed.
    func survivors(of start: StartID) -> [String]

    /// Looks at what is there of each of these jobs, and follows what still runs: its end will arrive as an event.
    func adopt(_ jobs: [JobID]) -> [JobID: RecoveredStart]

    /// Makes sure that a start that was ordered, and has left no trace, never happens: a shim that was only slow is refused from
    /// here on (reliability.md SH-6).
    ///
    /// - Returns: false when it has happened meanwhile, so that one must look again.
    func retire(_ start: StartID) -> Bool

    /// Writes a PID file of this name for a process that runs.
    ///
    /// - Returns: what stood in the way, in words.
    func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String?

    /// Removes the PID file of this name, if it still names this process.
    func removePIDFile(_ name: String, _ process: ProcessIdentity)

    /// Removes the record of a job whose end is safely stored, or that never ran.
    ///
    /// Of a job that had a start retired it is kept a while longer: it is what refuses that start.
    func removeRuntimeFiles(_ job: JobID)

    /// Writes beside the record of a job what nobody else would know of it without the database; replaces what was there.
    ///
    /// It goes with the record.
    /// - Returns: whether it is written.
    func writeRecoveryRecord(_ origin: [UInt8], of job: JobID) -> Bool

    /// What was written there last, as it is; nil when there is nothing.
    func recoveryRecord(of job: JobID) -> [UInt8]?

    /// The jobs of which anything is left in the run directory, by number.
    func jobsInRunDirectory() -> [JobID]

    /// The highest number of a job of which anything at all is left, logs included; 0 when there is none.
    ///
    /// It looks through all logs.
    func highestJobID() -> JobID

    /// Lets whoever asks for the status know what is wrong with the database; nil: nothing is.
    func publishStoreOutage(_ trouble: String?)

    /// Removes the logs of an action's earlier jobs, all but those of the newest ones.
    ///
    /// The folder is the one of `LaunchOrder.logFile`: `context/service/action`.
    func pruneLogs(in folder: String, keepingJobs count: Int)

    /// Removes whatever is left of jobs of one action that are no longer recorded: their logs, records and scripts.
    ///
    /// - Returns: what could not be removed, in words.
    func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String]

    /// Asks once; the answer arrives as `answered`.
    func startProbe(_ order: ProbeRequest)

    /// Is no longer interested in what was asked about this job; a command that runs for it is ended with its tree.
    func stopProbe(_ job: JobID)

    /// Reads all manifest files of a directory by the contract's rules on names, links and stable reading.
    func readManifests(in directory: String) -> ManifestReadResult

    /// Watches a directory; a change of its files arrives as `filesChanged`. nil watches nothing.
    func watchDirectory(_ directory: String?)

    /// Answers a request on the control socket; `isLast` ends the connection.
    func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool)

    /// Waits for events until a moment (nil: for ever) and gives all there are; empty when the moment came first.
    func nextEvents(until deadline: Moment?) -> [KernelEvent]
}

extension Kernel {
    /// Nothing.
    public var capabilities: ContainmentSupport { ContainmentSupport() }

    /// Nobody asks.
    public func publishStoreOutage(_ trouble: String?) {}

    /// Nothing can be reached.
    public func captureOutput(_ order: OutputCaptureRequest) {}

    /// Nobody.
    public func survivors(of start: StartID) -> [String] { [] }
}

/// One start of a job.
public struct StartID: Hashable, Sendable {
    /// The job.
    public var job: JobID
    /// The number of the start within it, from 1.
    public var generation: UInt32

    /// Names a start.
    public init(job: JobID, generation: UInt32) {
        self.job = job
        self.generation = generation
    }
}

/// One connection to the control socket.
public struct RequestID: Hashable, Sendable {
    /// Its number, never reused in the life of a reconciler.
    public var number: UInt64

    /// Names a connection.
    public init(number: UInt64) {
        self.number = number
    }
}

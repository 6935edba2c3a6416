public import HeroKernel
public import HeroModel
import HeroRandom
public import HeroSchedule

/// The kernel of a simulated machine.
///
/// Each reconciler has a kernel of its own; the machine outlives both.
public final class SimKernel: Kernel {
    /// The machine.
    public let machine: SimMachine
    /// The content of services directories, by path.
    public var directories: [String: [ManifestFile]] = [:]
    /// The entries of services directories that are not read, by path.
    public var skippedManifests: [String: [SkippedManifest]] = [:]
    /// Whether nothing is scheduled and nothing is waited for.
    public private(set) var isIdle = false
    /// The files that the reconciler watches.
    public private(set) var watchedContents: [String] = []
    /// The replies on the control socket, in request.
    public private(set) var replies: [(request: RequestID, message: [UInt8], isLast: Bool)] = []

    /// The store outage that the reconciler has published; nil without one.
    public private(set) var storeOutage: String?
    /// Why the last change of the services directory was refused; nil if it was not.
    public private(set) var refusedChange: String?
    /// The published durations of reconciliations.
    public private(set) var publishedDurations: ReconcileDurations?
    /// The arguments of the fetches that the reconciler has started.
    public private(set) var repositoryRequests: [[String]] = []
    /// The status of the followed repository that the reconciler has published.
    public private(set) var repositoryStatus: [UInt8]?

    private var events: [KernelEvent] = []

    /// Attaches a kernel to a machine; only the newest kernel gets events.
    public init(_ machine: SimMachine) {
        self.machine = machine
        machine.kernel = self
    }

    /// Posts an event to the reconciler, such as a request.
    public func post(_ event: KernelEvent) {
        events.append(event)
    }

    /// The current boot.
    public var bootID: String { machine.bootID }

    /// The base environment of all programs.
    public var baseEnvironment: [String: String] { ["PATH": "/bin"] }

    /// The boot clock.
    public func now() -> Moment { machine.now }

    /// The calendar time.
    public func wallTime() -> WallTime { machine.wallTime }

    /// The same for all simulated machines.
    public var machineID: String { "simulation" }

    /// Knows UTC, and one zone with daylight saving time.
    public func zone(named name: String) -> TimeZoneRules? {
        switch name {
        case "UTC": .utc
        case "Sim/City": TimeZoneRules(posix: "SIM-1SIMS,M3.5.0,M10.5.0/3")
        default: nil
        }
    }

    /// A random number from the seed of the machine.
    public func randomUnit() -> Double { Double(machine.generator.next() >> 11) / Double(1 << 53) }

    /// The simulated start blockers.
    public func scanStartBlockers(_ request: BlockerScanRequest) -> StartBlockers { machine.scanStartBlockers(request) }

    /// The simulated holders of resources.
    public func inspectActions(_ requests: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        requests.map { ActionInspectionResult(claims: machine.scanStartBlockers($0.order).holders.map { .init($0) }) }
    }

    /// A test posts the changes of files itself.
    public func watchContents(_ paths: [String]) { watchedContents = paths }

    /// The simulated files.
    public func readContents(_ references: [ContentReference]) -> [String?] {
        references.map { machine.files[$0.path] }
    }

    /// The simulation has no socket files.
    public func removeSocket(_ file: SocketFile) {}

    /// The simulation has no PID files.
    public func removeLeftPIDFile(_ file: LeftPIDFile) {}

    /// The simulation does not contain or limit process trees.
    public var capabilities: ContainmentSupport { ContainmentSupport() }

    /// Simulated programs have no output.
    public func captureOutput(_ request: OutputCaptureRequest) {}

    /// The simulation does not name survivors.
    public func survivors(of start: StartID) -> [String] { [] }

    /// Starts a simulated shim.
    public func launch(_ request: LaunchRequest) { machine.launch(request) }

    /// Sends a signal.
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool { machine.signal(process, signal) }

    /// Sends a signal to the main process, which is the only one that a signal ends.
    public func signalTree(_ start: StartID, main process: ProcessIdentity, _ signal: Signal) {
        _ = machine.signal(process, signal)
    }

    /// Kills a tree.
    public func killTree(_ start: StartID) { machine.killTree(start) }

    /// Finds the starts of jobs, and repeats their notify states.
    public func adopt(_ jobs: [JobID], known: [JobID: KnownProgram]) -> [JobID: RecoveredStart] {
        let found = Dictionary(uniqueKeysWithValues: Set(jobs).map { ($0, machine.recoveredStart($0, known[$0])) })
        for job in found.keys.sorted() { machine.repeatNotifyState(of: job) }
        return found
    }

    /// Prevents a start that has not begun.
    public func retire(_ start: StartID) -> Bool { machine.retire(start) }

    /// Removes the record of a job.
    public func removeRuntimeFiles(_ job: JobID) { machine.removeRuntimeFiles(job) }

    /// Writes to the simulated run directory.
    public func writeRecoveryRecord(_ bytes: [UInt8], of job: JobID) -> Bool {
        guard !machine.isRunDirectoryFull else { return false }
        machine.recoveryRecords[job] = bytes
        return true
    }

    /// Reads from the simulated run directory.
    public func recoveryRecord(of job: JobID) -> [UInt8]? { machine.recoveryRecords[job] }

    /// The jobs that have a record or a recovery record.
    public func jobsInRunDirectory() -> [JobID] {
        Set(machine.records.keys).union(machine.recoveryRecords.keys).sorted()
    }

    /// The simulation has no logs.
    public func highestJobID() -> JobID { jobsInRunDirectory().last ?? 0 }

    /// Stores the published outage.
    public func publishStoreOutage(_ reason: String?) { storeOutage = reason }

    /// Stores the published refusal.
    public func publishRefusedChange(_ text: String?) { refusedChange = text }

    /// Stores the published durations.
    public func publishDurations(_ durations: ReconcileDurations) { publishedDurations = durations }

    /// Stores the request; tests post the reply with `post`.
    public func fetchRepository(_ arguments: [String], timeout: Duration) { repositoryRequests.append(arguments) }

    /// Stores the published status.
    public func publishRepositoryStatus(_ status: [UInt8]?) { repositoryStatus = status }

    /// The simulation has no PID files.
    public func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String? { nil }

    /// The simulation has no PID files.
    public func removePIDFile(_ name: String, _ process: ProcessIdentity) {}

    /// The simulation has no logs.
    public func pruneLogs(in folder: String, keepingJobs count: Int) {}

    /// Removes the records; there are no other files.
    public func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String] {
        for job in jobs { machine.removeRuntimeFiles(job) }
        return []
    }

    /// The simulation has no logs.
    public func updateLogLink(_ request: LaunchRequest) {}

    /// Schedules the result of a probe after a random delay.
    public func startProbe(_ request: ProbeRequest) {
        let delay = machine.generator.number(100...3000)
        switch request.question {
        case .probe(.watchdog):
            machine.scheduleEvent(
                .microseconds(delay),
                .notifyProbeFinishes(request.start, serial: request.serial, requiresReady: false)
            )
        case .probe(.notify):
            machine.scheduleEvent(
                .microseconds(delay),
                .notifyProbeFinishes(request.start, serial: request.serial, requiresReady: true)
            )
        case .probe(.tcp), .probe(.http), .probe(.exec), .probe(.unix), .probe(.log), .probe(.aliveFor),
            .probe(.memory), .probe(.descriptor), .listening:
            machine.scheduleEvent(.microseconds(delay), .probeFinishes(request.start, serial: request.serial))
        case .command(let arguments):
            machine.trace.commands.append(arguments)
            guard machine.failsCommands else {
                return machine.scheduleEvent(
                    .microseconds(delay),
                    .probeFinishes(request.start, serial: request.serial)
                )
            }
            post(.start(request.start, .probeFinished(serial: request.serial, .failed("exit code 1"))))
        }
    }

    /// Results that arrive nevertheless are ignored by the reconciler.
    public func stopProbe(_ job: JobID) {}

    /// Reads a simulated services directory.
    public func readManifests(in directory: String, namedBy name: String) -> ManifestReadResult {
        directories[directory].map { .files($0, skipped: skippedManifests[directory] ?? []) }
            ?? .unreadable("no such directory")
    }

    /// The simulation has no links.
    public func isSameDirectory(_ first: String, _ second: String) -> Bool { first == second }

    /// Tests post changes with `post`.
    public func watchDirectory(_ directory: String?) {}

    /// The simulation reads no files of variables.
    public func watchVariableFiles(_ paths: [String]) {}

    /// Stores the reply.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        replies.append((request, message, isLast))
    }

    /// Advances time until something happens or the deadline is reached.
    public func nextEvents(until deadline: Moment?) -> [KernelEvent] {
        isIdle = false
        while events.isEmpty {
            let next = machine.nextMoment
            guard let target = [next, deadline].compactMap({ $0 }).min() else {
                isIdle = true
                return []
            }
            machine.advance(to: target)
            if let deadline, machine.now >= deadline { break }
        }
        defer { events = [] }
        return events
    }
}

public import HeroKernel
public import HeroModel
public import HeroSchedule

/// The door to a simulated machine.
///
/// A reconciler that is killed leaves it behind; the next one opens another.
public final class SimKernel: Kernel {
    /// The machine behind it.
    public let machine: SimMachine
    /// What a services directory holds, by path.
    public var directories: [String: [ManifestFile]] = [:]
    /// Nothing is waited for and nothing is scheduled: the machine rests.
    public private(set) var isIdle = false
    /// The answers given on the control socket, in order.
    public private(set) var replies: [(request: RequestID, message: [UInt8], isLast: Bool)] = []

    /// What is wrong with the database, as far as the reconciler says.
    public private(set) var storeOutage: String?

    private var events: [KernelEvent] = []

    /// Opens the door; events go to the newest one only.
    public init(_ machine: SimMachine) {
        self.machine = machine
        machine.kernel = self
    }

    /// Puts an event before the reconciler, such as a request.
    public func post(_ event: KernelEvent) {
        events.append(event)
    }

    /// The boot.
    public var bootID: String { machine.bootID }

    /// The little that services get.
    public var baseEnvironment: [String: String] { ["PATH": "/bin"] }

    /// The clock.
    public func now() -> Moment { machine.now }

    /// The calendar.
    public func wallTime() -> WallTime { machine.wallTime }

    /// UTC, and one place where clocks are changed.
    public func zone(named name: String) -> TimeZoneRules? {
        switch name {
        case "UTC": .utc
        case "Sim/City": TimeZoneRules(posix: "SIM-1SIMS,M3.5.0,M10.5.0/3")
        default: nil
        }
    }

    /// From the machine's seed.
    public func randomUnit() -> Double { Double(machine.generator.next() >> 11) / Double(1 << 53) }

    /// What a simulated machine puts in the way of a start.
    public func scanStartBlockers(_ order: BlockerScanRequest) -> StartBlockers { machine.scanStartBlockers(order) }

    /// Who stands in the way of many starts.
    public func inspectActions(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        questions.map { ActionInspectionResult(claims: machine.scanStartBlockers($0.order).holders.map { .init($0) }) }
    }

    /// There are no socket files here.
    public func removeSocket(_ file: SocketFile) {}

    /// Nothing contains or limits process trees here.
    public var capabilities: ContainmentSupport { ContainmentSupport() }

    /// Simulated programs have no output.
    public func captureOutput(_ request: OutputCaptureRequest) {}

    /// Survivors have no names here.
    public func survivors(of start: StartID) -> [String] { [] }

    /// Starts a simulated shim.
    public func launch(_ order: LaunchRequest) { machine.launch(order) }

    /// Sends a signal.
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool { machine.signal(process, signal) }

    /// Kills a tree.
    public func killTree(_ start: StartID) { machine.killTree(start) }

    /// Looks at jobs.
    public func adopt(_ jobs: [JobID]) -> [JobID: RecoveredStart] {
        let found = Dictionary(uniqueKeysWithValues: Set(jobs).map { ($0, machine.recoveredStart($0)) })
        for job in found.keys.sorted() { machine.repeatNotifyState(of: job) }
        return found
    }

    /// Refuses a start that has not begun.
    public func retire(_ start: StartID) -> Bool { machine.retire(start) }

    /// Removes a record.
    public func removeRuntimeFiles(_ job: JobID) { machine.removeRuntimeFiles(job) }

    /// Writes into the run directory.
    public func writeRecoveryRecord(_ origin: [UInt8], of job: JobID) -> Bool {
        guard !machine.isRunDirectoryFull else { return false }
        machine.recoveryRecords[job] = origin
        return true
    }

    /// Reads from there.
    public func recoveryRecord(of job: JobID) -> [UInt8]? { machine.recoveryRecords[job] }

    /// The jobs that have a record, or something beside it.
    public func jobsInRunDirectory() -> [JobID] {
        Set(machine.records.keys).union(machine.recoveryRecords.keys).sorted()
    }

    /// There are no logs here.
    public func highestJobID() -> JobID { jobsInRunDirectory().last ?? 0 }

    /// Keeps what is said.
    public func publishStoreOutage(_ trouble: String?) { self.storeOutage = trouble }

    /// There are no PID files here.
    public func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String? { nil }

    /// There are no PID files here.
    public func removePIDFile(_ name: String, _ process: ProcessIdentity) {}

    /// There are no logs here.
    public func pruneLogs(in folder: String, keepingJobs count: Int) {}

    /// Only the records are here.
    public func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String] {
        for job in jobs { machine.removeRuntimeFiles(job) }
        return []
    }

    /// Answers after a little while.
    public func startProbe(_ order: ProbeRequest) {
        let delay = machine.generator.number(100...3000)
        switch order.question {
        case .probe(.watchdog):
            machine.scheduleEvent(
                .microseconds(delay),
                .notifyProbeFinishes(order.start, serial: order.serial, asksWhetherReady: false)
            )
        case .probe(.notify):
            machine.scheduleEvent(
                .microseconds(delay),
                .notifyProbeFinishes(order.start, serial: order.serial, asksWhetherReady: true)
            )
        case .probe(.tcp), .probe(.http), .probe(.exec), .probe(.unix), .probe(.log), .listening:
            machine.scheduleEvent(.microseconds(delay), .probeFinishes(order.start, serial: order.serial))
        }
    }

    /// Answers that come all the same are for a start that is over: the reconciler tells them apart.
    public func stopProbe(_ job: JobID) {}

    /// The files of a directory.
    public func readManifests(in directory: String) -> ManifestReadResult {
        directories[directory].map { .files($0) } ?? .unreadable("no such directory")
    }

    /// Changes are told by `tell`.
    public func watchDirectory(_ directory: String?) {}

    /// Keeps the answer.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        replies.append((request, message, isLast))
    }

    /// Lets time pass until something happens or the deadline comes.
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

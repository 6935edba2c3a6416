import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
public import HeroKernel
public import HeroModel
public import HeroSchedule

/// The protocol `Kernel` on a real machine.
///
/// Must be made before the program has other threads (it blocks signals for all of them), by the one thread that
/// uses it, while the `ReconcilerLock` of the same paths is held.
public final class LinuxKernel: Kernel {
    /// The boot this kernel lives in.
    public let bootID: String
    /// What services get, whoever started the reconciler.
    public let baseEnvironment: [String: String]

    private let paths: RuntimePaths
    private let environment: [String: String]
    private let reactor: Reactor
    private let signalDescriptor: Descriptor
    private let ownsProcess: Bool
    private var hasChildSignal = false
    /// How long the machine was suspended since it booted, in nanoseconds.
    private var suspendedTime: Int64
    private let shimTracker: ShimTracker
    private let orphanTracker: OrphanTracker
    private let outputDrainer: OutputDrainer
    private let cgroups: StartCgroups
    private let retirement: StartRetirement
    private let probeRunner: ProbeRunner
    private let accountLookups: AccountLookups
    private var blockerScanner = BlockerScanner()
    private let manifestWatcher: ManifestWatcher
    private let controlServer: ControlServer
    private let zoneFiles: ZoneFiles
    private var heartbeat: Heartbeat?

    /// Opens the door.
    ///
    /// - Parameters:
    ///   - paths: Where state and run directory are; both are made if they are not there.
    ///   - shimPath: The shim; nil looks in `HEROPROC_SHIM`, then beside this program.
    ///   - environment: The process's environment.
    ///   - ownsProcess: Whether this process does nothing else: it then takes in what loses its parent below it, and
    ///     reaps it. Never where others spawn children too.
    ///   - heartbeat: Where somebody waits to hear that the loop turns.
    /// - Throws: When the machine lacks something, or the shim is not found; the text says what to do.
    public init(
        paths: RuntimePaths,
        shimPath: String? = nil,
        environment: [String: String],
        ownsProcess: Bool = true,
        heartbeat: Heartbeat? = nil
    ) throws(LinuxError) {
        self.heartbeat = heartbeat
        umask(0o077)
        self.paths = paths
        self.environment = environment
        bootID = ProcessTable.currentMachine.bootID
        guard !bootID.isEmpty, ProcessTable.currentMachine.pidNamespace != 0, ProcStat(of: getpid()) != nil else {
            throw LinuxError(cannot: "tell processes apart", because: "/proc is not mounted here")
        }
        baseEnvironment = BaseEnvironment.current()
        zoneFiles = ZoneFiles(environment: environment)
        let shim = try ShimLauncher.findShim(shimPath, environment: environment)
        try reserveStandardDescriptors()
        self.ownsProcess = ownsProcess
        if ownsProcess { try check(hl_become_subreaper(), "become a subreaper") }
        var openFiles: UInt = 0
        // Not being allowed to raise it costs room, not correctness.
        _ = hl_raise_open_file_limit(&openFiles)
        signalDescriptor = Descriptor(try check(hl_signal_descriptor(ownsProcess ? 1 : 0), "take SIGTERM and SIGINT"))
        try paths.makeStateDirectories()
        try paths.makeRunDirectories()

        let oomScore = OOMScore(isReconciler: ownsProcess)
        ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
        ReconcilerStatusFile.write(nil, to: paths.safeModeFile)
        retirement = StartRetirement(paths: paths)
        retirement.removeExpired()

        suspendedTime = hl_boot_clock() &- hl_monotonic_clock()
        reactor = try Reactor()
        let notices = try NoticePipe(reactor)
        var place = ShimSpecEncoder.Context(
            paths: paths,
            machine: ProcessTable.currentMachine,
            softOpenFiles: UInt64(openFiles)
        )
        place.oomScore = oomScore
        cgroups = StartCgroups(CgroupSupport.detect(environment: environment), paths: paths)
        cgroups.removeLeftovers()
        let launcher = try ShimLauncher(
            shimPath: shim,
            notices: notices.writeEnd,
            place: place,
            containment: cgroups
        )
        outputDrainer = OutputDrainer(reactor, launcher)
        orphanTracker = OrphanTracker(reactor, paths: paths, containment: cgroups, drains: outputDrainer)
        var program = AccountLookupProgram.find(environment: environment, shim: shim)
        program.oomScore = oomScore
        accountLookups = AccountLookups(reactor, program)
        shimTracker = ShimTracker(
            reactor,
            paths: paths,
            launcher: launcher,
            notices: notices,
            orphans: orphanTracker,
            containment: cgroups,
            accounts: accountLookups
        )
        probeRunner = try ProbeRunner(
            reactor,
            starts: shimTracker,
            accounts: accountLookups,
            logs: paths.logs,
            oomScore: oomScore
        )
        manifestWatcher = try ManifestWatcher(reactor)
        hero_failpoint(FP_LK_1)
        controlServer = try ControlServer(reactor, path: paths.controlSocket)
        guard reactor.watch(signalDescriptor.number, EventSource(.signals)) else {
            throw LinuxError(cannot: "watch for signals", errno)
        }
    }

    /// Leaves the run directory as it should be found: without the control socket, and gone if no job is left in it.
    ///
    /// To be called last, while the `ReconcilerLock` is still held; who waits for that lock sees that its file is gone and takes
    /// a new one (UP-5).
    public func cleanUpRunDirectory() {
        unlink(paths.controlSocket)
        unlink(paths.storeOutageFile)
        unlink(paths.safeModeFile)
        cgroups.removeLeftovers()
        guard rmdir(paths.jobs) == 0 else { return }
        unlink(paths.runLock)
        rmdir(paths.run)
    }

    /// What this machine offers for holding and limiting trees of processes.
    public var capabilities: ContainmentSupport { cgroups.support.capabilities }

    /// The boot clock.
    public func now() -> Moment { reactor.now }

    /// The calendar.
    public func wallTime() -> WallTime { currentWallTime() }

    /// The clocks of a place, from the machine's time zone database.
    public func zone(named name: String) -> TimeZoneRules? { zoneFiles.rules(named: name) }

    /// A random number from 0 to just below 1.
    public func randomUnit() -> Double { Double(UInt64(hl_random()) >> 11) * 0x1p-53 }

    /// Looks at what stands between an action and its start.
    public func scanStartBlockers(_ order: BlockerScanRequest) -> StartBlockers {
        var order = order
        if let name = order.ownPIDFile { order.pidFile = paths.pidFile(named: name) }
        return blockerScanner.scan(order, now: reactor.now)
    }

    /// Writes a PID file into the state directory.
    public func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String? {
        do throws(LinuxError) {
            try PIDFileWriter.write(paths.pidFile(named: name), process)
            return nil
        } catch {
            return error.description
        }
    }

    /// Removes one of those again.
    public func removePIDFile(_ name: String, _ process: ProcessIdentity) {
        PIDFileWriter.remove(paths.pidFile(named: name), process)
    }

    /// Looks at many actions at once.
    public func inspectActions(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        ActionInspector.inspect(questions)
    }

    /// Removes a socket file that was judged stale.
    public func removeSocket(_ file: SocketFile) { StaleSocketRemoval.remove(file) }

    /// Starts a shim.
    public func launch(_ order: LaunchRequest) { shimTracker.launch(order) }

    /// Sends a signal through a pidfd of a verified identity, and in no other way.
    @discardableResult
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let found = ProcessTable.open(process), !found.stat.isDead else { return false }
        hero_failpoint(FP_SIG_1)
        guard hl_pidfd_send_signal(found.pidfd.number, signal.number) == 0 else { return false }
        // A stopped process acts on a signal only once it goes on (TR-3).
        if ![SIGKILL, SIGSTOP, SIGTSTP, SIGCONT].contains(signal.number) {
            _ = hl_pidfd_send_signal(found.pidfd.number, SIGCONT)
        }
        return true
    }

    /// Tells the shim to end everything below it; does so itself where the shim is gone.
    public func killTree(_ start: StartID) {
        if let pidfd = shimTracker.shimPidfd(of: start) {
            _ = hl_pidfd_send_signal(pidfd.number, HERO_SIGNAL_KILL_TREE)
        } else if !shimTracker.cancelLaunch(start) {
            orphanTracker.killTree(start)
        }
    }

    /// Goes on storing the output of a start that is told as orphaned.
    public func captureOutput(_ order: OutputCaptureRequest) { orphanTracker.startOutputDrain(order) }

    /// Who lives of a start that was killed.
    public func survivors(of start: StartID) -> [String] {
        let pids = shimTracker.shimPID(of: start).map(ProcessTable.descendants) ?? orphanTracker.memberPIDs(of: start)
        return Array(pids.compactMap(ProcessTable.describe).prefix(5))
    }

    /// Looks at the records of jobs.
    public func adopt(_ jobs: [JobID]) -> [JobID: RecoveredStart] {
        let adoption = StartRecovery(paths: paths, shimTracker: shimTracker, orphanTracker: orphanTracker)
        return Dictionary(jobs.map { ($0, adoption.recover($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Looks again at what could not be followed for lack of descriptors: what has ended meanwhile is told now.
    private func recoverDeferredStarts() {
        let adoption = StartRecovery(paths: paths, shimTracker: shimTracker, orphanTracker: orphanTracker)
        for start in shimTracker.takeDeferredStarts() {
            switch adoption.recover(start.job) {
            case .supervised: continue
            case .orphaned(let generation, let report):
                reactor.emit(.shimLost(StartID(job: start.job, generation: generation), report))
            case .ended(let generation, let report):
                reactor.emit(.ended(StartID(job: start.job, generation: generation), report))
            case .notFound:
                let report = EndReport(outcome: .lost("nothing is left of it"), time: currentWallTime(), executed: nil)
                reactor.emit(.ended(start, report))
            }
        }
    }

    /// Refuses a start that has left no trace, however late its shim comes.
    public func retire(_ start: StartID) -> Bool { retirement.retire(start) }

    /// Removes the record and the script of a job.
    public func removeRuntimeFiles(_ job: JobID) {
        retirement.removeFiles(job)
    }

    /// Writes what the database would know of a job beside its record.
    public func writeRecoveryRecord(_ origin: [UInt8], of job: JobID) -> Bool {
        JobRecoveryFile.write(origin, to: paths.recoveryFile(of: job))
    }

    /// Reads it.
    public func recoveryRecord(of job: JobID) -> [UInt8]? { JobRecoveryFile.read(paths.recoveryFile(of: job)) }

    /// The jobs of which anything is left in the run directory.
    public func jobsInRunDirectory() -> [JobID] { JobRuntimeFiles.jobsWithFiles(paths) }

    /// The highest number of a job of which anything is left.
    public func highestJobID() -> JobID { JobRuntimeFiles.highestJob(paths) }

    /// Writes down what is wrong with the database.
    public func publishStoreOutage(_ trouble: String?) {
        ReconcilerStatusFile.write(trouble, to: paths.storeOutageFile)
    }

    /// Removes the logs of an action's earlier jobs.
    public func pruneLogs(in folder: String, keepingJobs count: Int) {
        LogFiles.prune("\(paths.logs)/\(folder)", keepingJobs: count)
    }

    /// Removes logs, records and scripts of jobs that are no longer recorded.
    public func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String] {
        JobRuntimeFiles.remove(of: jobs, logsIn: folder, paths)
    }

    /// Asks once.
    public func startProbe(_ order: ProbeRequest) { probeRunner.startProbe(order) }

    /// Drops all questions about a job.
    public func stopProbe(_ job: JobID) { probeRunner.stopProbes(job) }

    /// Reads all manifest files below a directory.
    public func readManifests(in directory: String) -> ManifestReadResult {
        // Nobody is there to ask: what a stranger could have written is as good as unreadable.
        if let flaw = ManifestFiles.trustProblem(in: directory, environment: environment) { return .unreadable(flaw) }
        return ManifestFiles.read(directory)
    }

    /// Watches a directory for changes of its manifest files.
    public func watchDirectory(_ directory: String?) { manifestWatcher.watch(directory) }

    /// Answers on a connection.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        controlServer.reply(request, message, isLast: isLast)
    }

    /// Waits for the first event, and gives all that are there by then.
    public func nextEvents(until deadline: Moment?) -> [KernelEvent] {
        controlServer.flush()
        while true {
            let isDue = deadline.map { $0 <= reactor.now } ?? false
            let hasEvents = !reactor.events.isEmpty
            heartbeat?.sendIfDue(reactor.now)
            let wakes = reactor.wait(until: earliest(deadline, heartbeat?.due), mayBlock: !hasEvents && !isDue)
            detectSuspend()
            for wake in wakes { dispatch(wake) }
            reapStrays()
            if hasEvents || isDue || reactor.events.count >= 1024 { return reactor.takeEvents() }
        }
    }

    /// Tells that the machine was suspended, before anything that only looks late because of it.
    private func detectSuspend() {
        let now = hl_boot_clock() &- hl_monotonic_clock()
        if now &- suspendedTime > 5_000_000_000 { reactor.emit(.machineSlept) }
        suspendedTime = now
    }

    private func dispatch(_ wake: Reactor.Wakeup) {
        let number = wake.source.id
        let isAlarm = wake.readyEvents == 0
        switch wake.source.kind {
        case .timer, .clockChange: break
        case .signals: readSignals()
        case .shimNotices: shimTracker.readNotices()
        case .shim where number == ShimTracker.deferredStartsID: recoverDeferredStarts()
        case .shim: isAlarm ? shimTracker.handleTimer(number) : shimTracker.handleShimExit(number)
        case .mainProcess: shimTracker.handleMainExit(number)
        case .notifyState: isAlarm ? shimTracker.readNotifyState(number) : shimTracker.readChangedNotifyStates()
        case .orphan: isAlarm ? orphanTracker.handleTimer(number) : orphanTracker.handleMainExit(number)
        case .outputDrain: outputDrainer.handleExit(number).map(orphanTracker.handleDrainExit)
        case .manifestWatcher: isAlarm ? manifestWatcher.handleTimer(number) : manifestWatcher.readChanges()
        case .controlListener: isAlarm ? controlServer.resumeListening() : controlServer.accept()
        case .controlConnection: isAlarm ? controlServer.handleTimeout(number) : controlServer.handleReadiness(number)
        case .probeConnection: isAlarm ? probeRunner.handleTimeout(number) : probeRunner.handleConnection(number)
        case .probeCommandErrors: isAlarm ? probeRunner.handleTimeout(number) : probeRunner.readCommandErrors(number)
        case .probeCommandExit: probeRunner.handleCommandExit(number)
        case .resolverResults: probeRunner.readResolverResults()
        case .accountLookup: isAlarm ? accountLookups.handleTimeout(number) : accountLookups.readReply(number)
        case .accountLookupExit: accountLookups.handleExit(number)
        }
    }

    private func readSignals() {
        // struct signalfd_siginfo is 128 bytes and begins with the number.
        var bytes = [UInt8](repeating: 0, count: 128)
        while read(signalDescriptor.number, &bytes, bytes.count) == bytes.count {
            let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
            if number == UInt32(SIGCHLD) { hasChildSignal = true } else { reactor.emit(.terminationRequested) }
        }
    }

    /// Reaps processes that lost their parent and came to us: nobody else ever would (reliability.md P1-1).
    private func reapStrays() {
        // The threads of resolvers may swallow SIGCHLD: from the first one on, every waking is an occasion to look.
        guard ownsProcess, hasChildSignal || probeRunner.hasStartedResolver else { return }
        var last: Int32 = 0
        while true {
            let pid = hl_next_zombie()
            // The same one again could not be reaped: then there is nothing more to do about it.
            guard pid > 0, pid != last else {
                hasChildSignal = false
                return
            }
            // One of ours is reaped with its own event, which is still to come; then the next look follows.
            guard !shimTracker.isTrackedShim(pid), !orphanTracker.isTrackedProcess(pid),
                !outputDrainer.isDrainProcess(pid), !probeRunner.isCommandProcess(pid),
                !accountLookups.isLookupProcess(pid)
            else {
                return
            }
            hl_reap(pid)
            last = pid
        }
    }
}

/// Keeps descriptors 0 to 4 taken, so that none of ours is where a shim's will be.
private func reserveStandardDescriptors() throws(LinuxError) {
    while true {
        let number = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard number >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        if number > 4 {
            close(number)
            return
        }
    }
}

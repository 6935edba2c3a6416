import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
public import HeroKernel
public import HeroModel

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
    private let signals: Descriptor
    private let ownsProcess: Bool
    private var hasChildNews = false
    /// How long the machine was suspended since it booted, in nanoseconds.
    private var suspended: Int64
    private let starts: Starts
    private let orphans: Orphans
    private let drains: Drains
    private let containment: Containment
    private let retirement: Retirement
    private let prober: Prober
    private let accounts: AccountLookups
    private var obstruction = Obstruction()
    private let watcher: ManifestWatcher
    private let control: ControlServer
    private let zones: ZoneFiles
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
        bootID = Census.machine.bootID
        guard !bootID.isEmpty, Census.machine.pidNamespace != 0, ProcStat(of: getpid()) != nil else {
            throw LinuxError(cannot: "tell processes apart", because: "/proc is not mounted here")
        }
        baseEnvironment = BaseEnvironment.current()
        zones = ZoneFiles(environment: environment)
        let shim = try Launcher.findShim(shimPath, environment: environment)
        try fillStandardDescriptors()
        self.ownsProcess = ownsProcess
        if ownsProcess { try check(hl_become_subreaper(), "become a subreaper") }
        var openFiles: UInt = 0
        // Not being allowed to raise it costs room, not correctness.
        _ = hl_raise_open_files(&openFiles)
        signals = Descriptor(try check(hl_signals(ownsProcess ? 1 : 0), "take SIGTERM and SIGINT"))
        try paths.makeStateDirectories()
        try paths.makeRunDirectories()

        let oomScore = OOMScore(isReconciler: ownsProcess)
        LiveNote.write(nil, to: paths.trouble)
        LiveNote.write(nil, to: paths.safeMode)
        retirement = Retirement(paths: paths)
        retirement.removeExpired()

        suspended = hl_boot_clock() &- hl_monotonic_clock()
        reactor = try Reactor()
        let notices = try Notices(reactor)
        var place = SpecBlob.Place(paths: paths, machine: Census.machine, openFiles: UInt64(openFiles))
        place.oomScore = oomScore
        containment = Containment(Cgroups.look(environment: environment), paths: paths)
        containment.removeLeftovers()
        let launcher = try Launcher(
            shimPath: shim,
            notices: notices.writeEnd,
            place: place,
            containment: containment
        )
        drains = Drains(reactor, launcher)
        orphans = Orphans(reactor, paths: paths, containment: containment, drains: drains)
        var program = AccountProgram.find(environment: environment, shim: shim)
        program.oomScore = oomScore
        accounts = AccountLookups(reactor, program)
        starts = Starts(
            reactor,
            paths: paths,
            launcher: launcher,
            notices: notices,
            orphans: orphans,
            containment: containment,
            accounts: accounts
        )
        prober = try Prober(reactor, starts: starts, accounts: accounts, logs: paths.logs, oomScore: oomScore)
        watcher = try ManifestWatcher(reactor)
        hero_failpoint(FP_LK_1)
        control = try ControlServer(reactor, path: paths.controlSocket)
        guard reactor.watch(signals.number, Subject(.quit)) else {
            throw LinuxError(cannot: "watch for signals", errno)
        }
    }

    /// Leaves the run directory as it should be found: without the control socket, and gone if no job is left in it.
    ///
    /// To be called last, while the `ReconcilerLock` is still held; who waits for that lock sees that its file is gone and takes
    /// a new one (UP-5).
    public func leave() {
        unlink(paths.controlSocket)
        unlink(paths.trouble)
        unlink(paths.safeMode)
        containment.removeLeftovers()
        guard rmdir(paths.jobs) == 0 else { return }
        unlink(paths.runLock)
        rmdir(paths.run)
    }

    /// What this machine offers for holding and limiting trees of processes.
    public var capabilities: ContainmentSupport { containment.cgroups.capabilities }

    /// The boot clock.
    public func now() -> Moment { reactor.now }

    /// The calendar.
    public func wallTime() -> WallTime { wallTimeNow() }

    /// The clocks of a place, from the machine's time zone database.
    public func zone(named name: String) -> TimeZoneRules? { zones.rules(named: name) }

    /// A random number from 0 to just below 1.
    public func randomUnit() -> Double { Double(UInt64(hl_random()) >> 11) * 0x1p-53 }

    /// Looks at what stands between an action and its start.
    public func scanStartBlockers(_ order: BlockerScanRequest) -> StartBlockers {
        var order = order
        if let name = order.ownPIDFile { order.pidFile = paths.pidFile(named: name) }
        return obstruction.look(order, now: reactor.now)
    }

    /// Writes a PID file into the state directory.
    public func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String? {
        do throws(LinuxError) {
            try OwnPIDFile.write(paths.pidFile(named: name), process)
            return nil
        } catch {
            return error.description
        }
    }

    /// Removes one of those again.
    public func removePIDFile(_ name: String, _ process: ProcessIdentity) {
        OwnPIDFile.remove(paths.pidFile(named: name), process)
    }

    /// Looks at many actions at once.
    public func inspectActions(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult] { Survey.take(questions) }

    /// Removes a socket file that was judged stale.
    public func removeSocket(_ file: SocketFile) { SocketRemoval.remove(file) }

    /// Starts a shim.
    public func launch(_ order: LaunchRequest) { starts.launch(order) }

    /// Sends a signal through a pidfd of a verified identity, and in no other way.
    @discardableResult
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let found = Census.open(process), !found.stat.isDead else { return false }
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
        if let pidfd = starts.pidfd(of: start) {
            _ = hl_pidfd_send_signal(pidfd.number, HERO_SIGNAL_KILL_TREE)
        } else if !starts.callOff(start) {
            orphans.kill(start)
        }
    }

    /// Goes on storing the output of a start that is told as orphaned.
    public func captureOutput(_ order: OutputCaptureRequest) { orphans.keepOutput(order) }

    /// Who lives of a start that was killed.
    public func survivors(of start: StartID) -> [String] {
        let pids = starts.shimPID(of: start).map(Census.descendants) ?? orphans.members(of: start)
        return Array(pids.compactMap(Census.describe).prefix(5))
    }

    /// Looks at the records of jobs.
    public func adopt(_ jobs: [JobID]) -> [JobID: RecoveredStart] {
        let adoption = Adoption(paths: paths, starts: starts, orphans: orphans)
        return Dictionary(jobs.map { ($0, adoption.sight($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Looks again at what could not be followed for lack of descriptors: what has ended meanwhile is told now.
    private func adoptUnfollowed() {
        let adoption = Adoption(paths: paths, starts: starts, orphans: orphans)
        for start in starts.takeUnfollowed() {
            switch adoption.sight(start.job) {
            case .supervised: continue
            case .orphaned(let generation, let report):
                reactor.emit(.shimLost(StartID(job: start.job, generation: generation), report))
            case .ended(let generation, let report):
                reactor.emit(.ended(StartID(job: start.job, generation: generation), report))
            case .notFound:
                let report = EndReport(outcome: .lost("nothing is left of it"), time: wallTimeNow(), executed: nil)
                reactor.emit(.ended(start, report))
            }
        }
    }

    /// Refuses a start that has left no trace, however late its shim comes.
    public func retire(_ start: StartID) -> Bool { retirement.retire(start) }

    /// Removes the record and the script of a job.
    public func removeRuntimeFiles(_ job: JobID) {
        retirement.forget(job)
    }

    /// Writes what the database would know of a job beside its record.
    public func writeRecoveryRecord(_ origin: [UInt8], of job: JobID) -> Bool {
        OriginFile.write(origin, to: paths.origin(of: job))
    }

    /// Reads it.
    public func recoveryRecord(of job: JobID) -> [UInt8]? { OriginFile.read(paths.origin(of: job)) }

    /// The jobs of which anything is left in the run directory.
    public func jobsInRunDirectory() -> [JobID] { JobTraces.onRecord(paths) }

    /// The highest number of a job of which anything is left.
    public func highestJobID() -> JobID { JobTraces.highest(paths) }

    /// Writes down what is wrong with the database.
    public func publishStoreOutage(_ trouble: String?) { LiveNote.write(trouble, to: paths.trouble) }

    /// Removes the logs of an action's earlier jobs.
    public func pruneLogs(in folder: String, keepingJobs count: Int) {
        LogFiles.prune("\(paths.logs)/\(folder)", keepingJobs: count)
    }

    /// Removes logs, records and scripts of jobs that are no longer recorded.
    public func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String] {
        JobTraces.remove(of: jobs, logsIn: folder, paths)
    }

    /// Asks once.
    public func startProbe(_ order: ProbeRequest) { prober.ask(order) }

    /// Drops all questions about a job.
    public func stopProbe(_ job: JobID) { prober.stopAsking(job) }

    /// Reads all manifest files below a directory.
    public func readManifests(in directory: String) -> ManifestReadResult {
        // Nobody is there to ask: what a stranger could have written is as good as unreadable.
        if let flaw = ManifestFiles.flaw(in: directory, environment: environment) { return .unreadable(flaw) }
        return ManifestFiles.read(directory)
    }

    /// Watches a directory for changes of its manifest files.
    public func watchDirectory(_ directory: String?) { watcher.watch(directory) }

    /// Answers on a connection.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        control.reply(request, message, isLast: isLast)
    }

    /// Waits for the first event, and gives all that are there by then.
    public func nextEvents(until deadline: Moment?) -> [KernelEvent] {
        control.flush()
        while true {
            let isDue = deadline.map { $0 <= reactor.now } ?? false
            let hasEvents = !reactor.events.isEmpty
            heartbeat?.beat(reactor.now)
            let wakes = reactor.wait(until: earliest(deadline, heartbeat?.due), mayBlock: !hasEvents && !isDue)
            noticeSleep()
            for wake in wakes { dispatch(wake) }
            reapStrays()
            if hasEvents || isDue || reactor.events.count >= 1024 { return reactor.takeEvents() }
        }
    }

    /// Tells that the machine was suspended, before anything that only looks late because of it.
    private func noticeSleep() {
        let now = hl_boot_clock() &- hl_monotonic_clock()
        if now &- suspended > 5_000_000_000 { reactor.emit(.machineSlept) }
        suspended = now
    }

    private func dispatch(_ wake: Reactor.Wake) {
        let number = wake.subject.number
        let isAlarm = wake.ready == 0
        switch wake.subject.kind {
        case .clock, .calendar: break
        case .quit: readSignals()
        case .notices: starts.readNotices()
        case .shim where number == Starts.adoptionNumber: adoptUnfollowed()
        case .shim: isAlarm ? starts.ring(number) : starts.shimEnded(number)
        case .program: starts.programEnded(number)
        case .words: isAlarm ? starts.listen(number) : starts.readWords()
        case .orphan: isAlarm ? orphans.ring(number) : orphans.mainEnded(number)
        case .drain: drains.ended(number).map(orphans.outputEnded)
        case .watcher: isAlarm ? watcher.ring(number) : watcher.readChanges()
        case .listener: isAlarm ? control.resume() : control.accept()
        case .connection: isAlarm ? control.ring(number) : control.isReady(number)
        case .conversation: isAlarm ? prober.ring(number) : prober.conversationIsReady(number)
        case .command: isAlarm ? prober.ring(number) : prober.commandSpoke(number)
        case .commandEnd: prober.commandEnded(number)
        case .results: prober.readResults()
        case .lookup: isAlarm ? accounts.ring(number) : accounts.spoke(number)
        case .lookupEnd: accounts.ended(number)
        }
    }

    private func readSignals() {
        // struct signalfd_siginfo is 128 bytes and begins with the number.
        var bytes = [UInt8](repeating: 0, count: 128)
        while read(signals.number, &bytes, bytes.count) == bytes.count {
            let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
            if number == UInt32(SIGCHLD) { hasChildNews = true } else { reactor.emit(.terminationRequested) }
        }
    }

    /// Reaps processes that lost their parent and came to us: nobody else ever would (reliability.md P1-1).
    private func reapStrays() {
        // The threads of resolvers may swallow SIGCHLD: from the first one on, every waking is an occasion to look.
        guard ownsProcess, hasChildNews || prober.hasLeftThread else { return }
        var last: Int32 = 0
        while true {
            let pid = hl_next_zombie()
            // The same one again could not be reaped: then there is nothing more to do about it.
            guard pid > 0, pid != last else {
                hasChildNews = false
                return
            }
            // One of ours is reaped with its own event, which is still to come; then the next look follows.
            guard !starts.isShim(pid), !orphans.isMember(pid), !drains.isDrain(pid), !prober.isCommand(pid),
                !accounts.isLookup(pid)
            else {
                return
            }
            hl_reap(pid)
            last = pid
        }
    }
}

/// Keeps descriptors 0 to 4 taken, so that none of ours is where a shim's will be.
private func fillStandardDescriptors() throws(LinuxError) {
    while true {
        let number = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard number >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        if number > 4 {
            close(number)
            return
        }
    }
}

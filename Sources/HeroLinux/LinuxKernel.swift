import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
public import HeroKernel
public import HeroModel
public import HeroSchedule

/// The protocol `Kernel` on a real machine.
///
/// It must be created before the program has other threads, because it blocks signals for all of them, and only while
/// the `ReconcilerLock` of the same paths is held. Only the thread that created it may use it.
public final class LinuxKernel: Kernel {
    /// The ID of this boot of the machine.
    public let bootID: String
    /// The base environment of services, the same for every user session that starts the reconciler.
    public let baseEnvironment: [String: String]

    let paths: RuntimePaths
    let environment: [String: String]
    let reactor: Reactor
    let signalDescriptor: Descriptor
    let ownsProcess: Bool
    var hasChildSignal = false
    /// How long the machine was suspended since boot, in nanoseconds.
    var suspendedTime: Int64
    let shimTracker: ShimTracker
    let orphanTracker: OrphanTracker
    let outputDrainer: OutputDrainer
    private let cgroups: StartCgroups
    let retirement: StartRetirement
    let probeRunner: ProbeRunner
    let accountLookups: AccountLookups
    let helperTasks: HelperTasks
    let repositoryFetcher: RepositoryFetcher
    private var blockerScanner = BlockerScanner()
    private let contentReader: ContentReader
    let manifestWatcher: ManifestWatcher
    let contentWatcher: ContentWatcher
    let controlServer: ControlServer
    let runDirectoryWatcher: RunDirectoryWatcher
    /// Whether it was reported that the run directory cannot be created again.
    var hasReportedLostRunDirectory = false
    /// Acquires the lock of the run directory again after that directory was removed.
    let renewRunLock: @Sendable () -> Bool
    private let zoneFiles: ZoneFiles
    var heartbeat: Heartbeat?

    /// Prepares this process for running a reconciler.
    ///
    /// - Parameters:
    ///   - paths: The state directory and the run directory; missing ones are created.
    ///   - shimPath: The shim; nil means `HEROPROC_SHIM`, else the file next to this program.
    ///   - environment: The environment of this process.
    ///   - ownsProcess: Whether this process runs nothing but the reconciler. It then becomes the parent of orphaned
    ///     descendants and reaps them, which must not happen where other code starts children too.
    ///   - heartbeat: The heartbeat to the monitor, if there is one.
    ///   - renewRunLock: Acquires the lock of the run directory again after that directory was removed.
    /// - Throws: If the machine lacks something, or the shim is not found; the text names the remedy.
    public init(
        paths: RuntimePaths,
        shimPath: String? = nil,
        environment: [String: String],
        ownsProcess: Bool = true,
        heartbeat: Heartbeat? = nil,
        renewRunLock: @escaping @Sendable () -> Bool = { true }
    ) throws(LinuxError) {
        self.heartbeat = heartbeat
        umask(0o077)
        self.paths = paths
        self.environment = environment
        bootID = ProcessTable.currentMachine.bootID
        guard !bootID.isEmpty, ProcessTable.currentMachine.pidNamespace != 0, ProcStat(of: getpid()) != nil else {
            throw LinuxError(cannot: "identify processes", because: "/proc is not mounted here")
        }
        baseEnvironment = BaseEnvironment.current()
        zoneFiles = ZoneFiles(environment: environment)
        let shim = try ShimLauncher.findShim(shimPath, environment: environment)
        try reserveStandardDescriptors()
        self.ownsProcess = ownsProcess
        if ownsProcess { try check(hl_become_subreaper(), "become a subreaper") }
        var openFiles: UInt = 0
        // A lower limit allows fewer jobs; it is no error.
        _ = hl_raise_open_file_limit(&openFiles)
        signalDescriptor = Descriptor(try check(hl_signal_descriptor(ownsProcess ? 1 : 0), "handle SIGTERM and SIGINT"))
        try paths.makeStateDirectories()
        try paths.makeRunDirectories()

        let oomScore = OOMScore(isReconciler: ownsProcess)
        ReconcilerStatusFile.write(nil, to: paths.storeOutageFile)
        ReconcilerStatusFile.write(nil, to: paths.safeModeFile)
        ReconcilerStatusFile.write(nil, to: paths.durationsFile)
        retirement = StartRetirement(paths: paths)
        retirement.removeExpired()

        suspendedTime = hl_boot_clock() &- hl_monotonic_clock()
        reactor = try Reactor()
        let noticePipe = try NoticePipe(reactor)
        var context = ShimSpecEncoder.Context(
            paths: paths,
            machine: ProcessTable.currentMachine,
            softOpenFiles: UInt64(openFiles)
        )
        context.oomScore = oomScore
        cgroups = StartCgroups(CgroupSupport.detect(environment: environment), paths: paths)
        cgroups.removeLeftovers()
        let launcher = try ShimLauncher(
            shimPath: shim,
            noticePipe: noticePipe.writeEnd,
            context: context,
            cgroups: cgroups
        )
        outputDrainer = OutputDrainer(reactor, launcher)
        orphanTracker = OrphanTracker(reactor, paths: paths, cgroups: cgroups, outputDrainer: outputDrainer)
        var program = HelperProgram.find(environment: environment, shim: shim)
        program.oomScore = oomScore
        var reader = HelperProgram.find(environment: [:], shim: shim)
        reader.oomScore = oomScore
        ProcessReader.configure(reader)
        accountLookups = AccountLookups(reactor, program)
        helperTasks = HelperTasks(reactor, reader)
        repositoryFetcher = RepositoryFetcher(reactor, reader, environment: environment)
        shimTracker = ShimTracker(
            reactor,
            paths: paths,
            launcher: launcher,
            noticePipe: noticePipe,
            orphanTracker: orphanTracker,
            cgroups: cgroups,
            accountLookups: accountLookups,
            helperTasks: helperTasks
        )
        probeRunner = try ProbeRunner(
            reactor,
            shimTracker: shimTracker,
            accountLookups: accountLookups,
            helperTasks: helperTasks,
            logDirectory: paths.logs,
            oomScore: oomScore
        )
        manifestWatcher = try ManifestWatcher(reactor)
        contentWatcher = ContentWatcher(reactor)
        contentReader = ContentReader(key: ContentKey.readOrMake(paths))
        hero_failpoint(FP_LK_1)
        controlServer = try ControlServer(reactor, path: paths.controlSocket)
        runDirectoryWatcher = RunDirectoryWatcher(reactor, paths)
        self.renewRunLock = renewRunLock
        orphanTracker.onLaterStart = { [unowned self] job in recoverLaterStart(job) }
        guard reactor.watch(signalDescriptor.number, EventSource(.signals)) else {
            throw LinuxError(cannot: "watch for signals", errno)
        }
        // Last, when all relative paths of the environment have been resolved.
        if ownsProcess { InheritedAttributes.leaveDirectory() }
    }

    /// Removes the control socket and the status files, and the run directory too if no job is left in it.
    ///
    /// This is called last, while the `ReconcilerLock` is still held. A process that waits for that lock notices that
    /// its file is gone and opens a new one (UP-5).
    public func cleanUpRunDirectory() {
        shimTracker.forkServer.end()
        unlink(paths.controlSocket)
        unlink(paths.storeOutageFile)
        unlink(paths.safeModeFile)
        unlink(paths.durationsFile)
        cgroups.removeLeftovers()
        guard rmdir(paths.jobs) == 0 else { return }
        unlink(paths.runLock)
        rmdir(paths.run)
    }

    /// Sends what is left of the replies to clients, before this process exits; the wait is bounded.
    public func sendRemainingReplies() { controlServer.sendRemainingReplies() }

    /// What this machine offers to contain and limit process trees.
    public var capabilities: ContainmentSupport {
        var capabilities = cgroups.support.capabilities
        capabilities.maximumLimits = MaximumLimits.current
        return capabilities
    }

    /// The number in /etc/machine-id (machine-id(5)), or the host name.
    public var machineID: String {
        if let text = readText("/etc/machine-id")?.trimmed, !text.isEmpty { return text }
        return readText("/proc/sys/kernel/hostname")?.trimmed ?? ""
    }

    /// The boot clock.
    public func now() -> Moment { reactor.now }

    /// The wall clock.
    public func wallTime() -> WallTime { currentWallTime() }

    /// The rules of a time zone, from the time zone database of the machine.
    public func zone(named name: String) -> TimeZoneRules? { zoneFiles.rules(named: name) }

    /// A random number in 0..<1.
    public func randomUnit() -> Double { Double(UInt64(hl_random()) >> 11) * 0x1p-53 }

    /// Finds what prevents an action from starting.
    public func scanStartBlockers(_ request: BlockerScanRequest) -> StartBlockers {
        var request = request
        if let name = request.ownPIDFile { request.pidFile = paths.pidFile(named: name) }
        return blockerScanner.scan(request, now: reactor.now)
    }

    /// Writes a PID file into the state directory.
    ///
    /// - Returns: The error as a text; nil on success.
    public func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String? {
        do throws(LinuxError) {
            try PIDFileWriter.write(paths.pidFile(named: name), process)
            return nil
        } catch {
            return error.description
        }
    }

    /// Removes a PID file that `writePIDFile` has written.
    public func removePIDFile(_ name: String, _ process: ProcessIdentity) {
        PIDFileWriter.remove(paths.pidFile(named: name), process)
    }

    /// Inspects the machine for several actions at once.
    public func inspectActions(_ requests: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        // A lookup of a user may block, so the loop makes none.
        ActionInspector.inspect(requests, looksUpUsers: false)
    }

    /// Reads the content of files as digests.
    public func readContents(_ references: [ContentReference]) -> [String?] { contentReader.read(references) }

    /// Removes a stale socket file.
    public func removeSocket(_ file: SocketFile) { StaleFileRemoval.remove(file) }

    /// Removes a PID file that an earlier start has left behind.
    public func removeLeftPIDFile(_ file: LeftPIDFile) { StaleFileRemoval.remove(file) }

    /// Starts a shim.
    public func launch(_ request: LaunchRequest) { shimTracker.launch(request) }

    /// Sends a signal through the pidfd of a verified identity, and in no other way.
    @discardableResult
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let found = ProcessTable.open(process), !found.stat.isDead else { return false }
        hero_failpoint(FP_SIG_1)
        guard hl_pidfd_send_signal(found.pidfd.number, signal.number) == 0 else { return false }
        // A stopped process handles the signal only after it is continued (TR-3).
        if ![SIGKILL, SIGSTOP, SIGTSTP, SIGCONT].contains(signal.number) {
            _ = hl_pidfd_send_signal(found.pidfd.number, SIGCONT)
        }
        return true
    }

    /// Sends a signal to the main process and to all other processes of its start.
    public func signalTree(_ start: StartID, main process: ProcessIdentity, _ signal: Signal) {
        let shim = shimTracker.shimPID(of: start)
        let pids = shim.map(ProcessTable.descendants) ?? orphanTracker.memberPIDs(of: start)
        let members = Set(pids + (shim.map { [$0] } ?? []))
        // All are identified before the first signal, which may end their parents. A PID that another process has got
        // meanwhile has another parent.
        let others = pids.filter { $0 != process.pid }.compactMap { pid -> ProcessIdentity? in
            guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return nil }
            return shim == nil || members.contains(found.stat.parent) ? found.identity : nil
        }
        self.signal(process, signal)
        for other in others { self.signal(other, signal) }
    }

    /// Makes the shim kill its process tree; kills it directly if the shim is gone.
    public func killTree(_ start: StartID) {
        if let pidfd = shimTracker.shimPidfd(of: start) {
            _ = hl_pidfd_send_signal(pidfd.number, HERO_SIGNAL_KILL_TREE)
        } else if !shimTracker.cancelLaunch(start) {
            orphanTracker.killTree(start)
        }
    }

    /// Stores the output of a program that has lost its shim.
    public func captureOutput(_ request: OutputCaptureRequest) { orphanTracker.startOutputDrain(request) }

    /// Returns the processes of a killed start that are still running, at most five.
    public func survivors(of start: StartID) -> [String] {
        let pids = shimTracker.shimPID(of: start).map(ProcessTable.descendants) ?? orphanTracker.memberPIDs(of: start)
        return Array(pids.compactMap(ProcessTable.describe).prefix(5))
    }

    /// Starts one probe; its result becomes an event.
    public func startProbe(_ request: ProbeRequest) { probeRunner.startProbe(request) }

    /// Stops all probes of a job.
    public func stopProbe(_ job: JobID) { probeRunner.stopProbes(job) }

    /// Reads all manifests below a directory.
    public func readManifests(in directory: String, namedBy name: String) -> ManifestReadResult {
        // The reconciler cannot ask the user, so an untrusted directory counts as unreadable.
        if let problem = ManifestFiles.trustProblem(in: directory, environment: environment) {
            return .unreadable(problem)
        }
        return ManifestFiles.read(directory, shownAs: name, namedBy: name)
    }

    /// Whether two paths have the same device and inode.
    public func isSameDirectory(_ first: String, _ second: String) -> Bool {
        ManifestFiles.isSameDirectory(first, second)
    }

    /// Watches a directory for changes of its manifests; nil stops watching.
    public func watchDirectory(_ directory: String?) { manifestWatcher.watch(directory) }

    /// Watches files of variables.
    public func watchVariableFiles(_ paths: [String]) { manifestWatcher.watchVariableFiles(paths) }

    /// Watches files whose content belongs to services.
    public func watchContents(_ paths: [String]) { contentWatcher.watch(paths) }

    /// Sends a reply on a control connection.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        controlServer.reply(request, message, isLast: isLast)
    }
}

/// Opens /dev/null for descriptors 0 to 4, so that no other file of this process gets a number that a shim uses.
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

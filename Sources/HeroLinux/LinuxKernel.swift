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
    private let reactor: Reactor
    private let quitSignals: Descriptor
    private let starts: Starts
    private let orphans: Orphans
    private let retirement: Retirement
    private let prober: Prober
    private let watcher: ManifestWatcher
    private let control: ControlServer

    /// Opens the door.
    ///
    /// - Parameters:
    ///   - paths: Where state and run directory are; both are made if they are not there.
    ///   - shimPath: The shim; nil looks in `HEROPROC_SHIM`, then beside this program.
    ///   - environment: The process's environment.
    /// - Throws: When the machine lacks something, or the shim is not found; the text says what to do.
    public init(paths: RuntimePaths, shimPath: String? = nil, environment: [String: String]) throws(LinuxError) {
        umask(0o077)
        self.paths = paths
        bootID = Census.machine.bootID
        guard !bootID.isEmpty, Census.machine.pidNamespace != 0, ProcStat(of: getpid()) != nil else {
            throw LinuxError(cannot: "tell processes apart", because: "/proc is not mounted here")
        }
        baseEnvironment = BaseEnvironment.current()
        let shim = try Launcher.findShim(shimPath, environment: environment)
        try fillStandardDescriptors()
        try check(hl_become_subreaper(), "become a subreaper")
        var openFiles: UInt = 0
        // Not being allowed to raise it costs room, not correctness.
        _ = hl_raise_open_files(&openFiles)
        quitSignals = Descriptor(try check(hl_quit_signals(), "take SIGTERM and SIGINT"))
        try paths.makeStateDirectories()
        try paths.makeRunDirectories()

        retirement = Retirement(paths: paths)
        retirement.removeExpired()

        reactor = try Reactor()
        let notices = try Notices(reactor)
        let place = SpecBlob.Place(paths: paths, machine: Census.machine, openFiles: UInt64(openFiles))
        let launcher = try Launcher(shimPath: shim, notices: notices.writeEnd, place: place)
        orphans = Orphans(reactor, paths: paths)
        starts = Starts(reactor, paths: paths, launcher: launcher, notices: notices, orphans: orphans)
        prober = try Prober(reactor, starts: starts)
        watcher = try ManifestWatcher(reactor)
        control = try ControlServer(reactor, path: paths.controlSocket)
        guard reactor.watch(quitSignals.number, Subject(.quit)) else {
            throw LinuxError(cannot: "watch for signals", errno)
        }
    }

    /// The boot clock.
    public func now() -> Moment { reactor.now }

    /// The calendar.
    public func wallTime() -> WallTime { wallTimeNow() }

    /// A random number from 0 to just below 1.
    public func randomUnit() -> Double { Double(UInt64(hl_random()) >> 11) * 0x1p-53 }

    /// Starts a shim.
    public func launch(_ order: LaunchOrder) { starts.launch(order) }

    /// Sends a signal through a pidfd of a verified identity, and in no other way.
    @discardableResult
    public func signal(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let found = Census.open(process), !found.stat.isDead else { return false }
        return hl_pidfd_send_signal(found.pidfd.number, signal.number) == 0
    }

    /// Tells the shim to end everything below it; does so itself where the shim is gone.
    public func killTree(_ start: StartID) {
        if let pidfd = starts.pidfd(of: start) {
            _ = hl_pidfd_send_signal(pidfd.number, HERO_SIGNAL_KILL_TREE)
        } else {
            orphans.kill(start)
        }
    }

    /// Looks at the records of jobs.
    public func adopt(_ jobs: [JobID]) -> [JobID: Sighting] {
        let adoption = Adoption(paths: paths, starts: starts, orphans: orphans)
        return Dictionary(jobs.map { ($0, adoption.sight($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Refuses a start that has left no trace, however late its shim comes.
    public func retire(_ start: StartID) -> Bool { retirement.retire(start) }

    /// Removes the record and the script of a job.
    public func forget(_ job: JobID) {
        retirement.forget(job)
    }

    /// Asks once.
    public func ask(_ order: ProbeOrder) { prober.ask(order) }

    /// Drops all questions about a job.
    public func stopAsking(_ job: JobID) { prober.stopAsking(job) }

    /// Reads all manifest files below a directory.
    public func readManifests(in directory: String) -> ManifestReading { ManifestFiles.read(directory) }

    /// Watches a directory for changes of its manifest files.
    public func watch(_ directory: String?) { watcher.watch(directory) }

    /// Answers on a connection.
    public func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool) {
        control.reply(request, message, isLast: isLast)
    }

    /// Waits for the first event, and gives all that are there by then.
    public func nextEvents(until deadline: Moment?) -> [KernelEvent] {
        while true {
            let isDue = deadline.map { $0 <= reactor.now } ?? false
            let hasEvents = !reactor.events.isEmpty
            let wakes = reactor.wait(until: deadline, mayBlock: !hasEvents && !isDue)
            for wake in wakes { dispatch(wake) }
            if hasEvents || isDue || reactor.events.count >= 1024 { return reactor.takeEvents() }
        }
    }

    private func dispatch(_ wake: Reactor.Wake) {
        let number = wake.subject.number
        let isAlarm = wake.ready == 0
        switch wake.subject.kind {
        case .clock: break
        case .quit: readQuitSignals()
        case .notices: starts.readNotices()
        case .shim: isAlarm ? starts.ring(number) : starts.shimEnded(number)
        case .orphan: isAlarm ? orphans.ring(number) : orphans.mainEnded(number)
        case .watcher: isAlarm ? watcher.ring(number) : watcher.readChanges()
        case .listener: control.accept()
        case .connection: isAlarm ? control.ring(number) : control.isReady(number)
        case .conversation: isAlarm ? prober.ring(number) : prober.conversationIsReady(number)
        case .command: isAlarm ? prober.ring(number) : prober.commandSpoke(number)
        case .results: prober.readResults()
        }
    }

    private func readQuitSignals() {
        var bytes = [UInt8](repeating: 0, count: 1280)
        var wasAsked = false
        while read(quitSignals.number, &bytes, bytes.count) > 0 { wasAsked = true }
        if wasAsked { reactor.emit(.quit) }
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

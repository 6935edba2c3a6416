import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Tracks the starts that have a running shim, whether this reconciler launched or recovered them.
final class ShimTracker {
    /// The watch on the notify state of one program.
    struct NotifyWatch {
        /// Whether the record is watched; if not, it is polled.
        var isWatched: Bool
        /// The state that was reported last.
        var lastReported: NotifyState?
        /// How many changes may be reported now; refilled by one each second, so that a program with many messages is
        /// reported once per second.
        var remainingReports = 5
        var refilledAt: Moment
    }

    struct TrackedShim {
        var start: StartID
        /// The PID of the shim, which no other process can get while the shim is not reaped.
        var shimPID: Int32
        var pidfd: Descriptor
        var failureContext: StartFailureContext?
        /// Set when the program was executed and that was reported.
        var startReport: StartReport?
        /// The main process, watched while another process may replace it, or while its shim may not notice its end.
        var mainPidfd: Descriptor?
        /// When the end of the main process was noticed that the shim has not recorded yet.
        var mainEndedAt: Moment?
        /// How often the shim was continued since then.
        var continuations = 0
        /// The watch on its notify state, if the program uses the notify socket.
        var notifyWatch: NotifyWatch?
        /// How often the record was read without an execution or a successor in it.
        var attempts: Int = 0
        /// Whether the end of its main process was reported while other processes of its tree were running.
        var hasReportedMainEnd = false
        /// The errno with which the shim failed to create or write its record; 0 if it reported none.
        var recordError: Int32 = 0
    }

    let reactor: Reactor
    let paths: RuntimePaths
    let launcher: ShimLauncher
    let forkServer: ForkServer
    private let noticePipe: NoticePipe
    private let orphanTracker: OrphanTracker
    private let cgroups: StartCgroups
    let accountLookups: AccountLookups
    let helperTasks: HelperTasks
    /// Launches that wait for an account.
    var pendingLookups: [StartID: AccountLookups.LookupID] = [:]
    /// Launches that wait for their folders and the link to their log.
    var pendingPreparations: [StartID: HelperTasks.TaskID] = [:]
    let recordWatcher: RecordWatcher
    var trackedShims: [UInt64: TrackedShim] = [:]
    var idByStart: [StartID: UInt64] = [:]
    private(set) var idByShimPID: [Int32: UInt64] = [:]
    private var lastID: UInt64 = 0
    /// Running starts that cannot be watched yet because file descriptors are short (RX-1).
    private var deferredStarts: [StartID: KnownProgram?] = [:]

    /// The timer ID for recovering them; no shim has this ID.
    static let deferredStartsID: UInt64 = 0
    /// The unsafe programs that were reported.
    var reportedProblems: Set<String> = []

    init(
        _ reactor: Reactor,
        paths: RuntimePaths,
        launcher: ShimLauncher,
        noticePipe: NoticePipe,
        orphanTracker: OrphanTracker,
        cgroups: StartCgroups,
        accountLookups: AccountLookups,
        helperTasks: HelperTasks
    ) {
        self.reactor = reactor
        self.paths = paths
        self.launcher = launcher
        forkServer = ForkServer(reactor, launcher)
        self.noticePipe = noticePipe
        self.orphanTracker = orphanTracker
        self.cgroups = cgroups
        self.accountLookups = accountLookups
        self.helperTasks = helperTasks
        recordWatcher = RecordWatcher(reactor, directory: paths.jobs)
    }

    /// The pidfd of the shim of a start, while it is tracked.
    func shimPidfd(of start: StartID) -> Descriptor? { idByStart[start].flatMap { trackedShims[$0] }?.pidfd }

    /// The PID of the shim of a start, while it is tracked.
    func shimPID(of start: StartID) -> Int32? { idByStart[start].flatMap { trackedShims[$0] }?.shimPID }

    /// The memory that the cgroup of a start uses, in bytes; nil without a memory controller.
    func cgroupMemory(of start: StartID) -> Int64? { cgroups.memory(of: start) }

    /// The tracked starts with the PIDs of their shims.
    var runningShims: [(start: StartID, shim: Int32)] { trackedShims.values.map { ($0.start, $0.shimPID) } }

    /// Whether a PID is that of a tracked shim.
    func isTrackedShim(_ pid: Int32) -> Bool { idByShimPID[pid] != nil }

    /// Tracks a shim whose pidfd is open.
    ///
    /// - Returns: false if the pidfd cannot be watched.
    @discardableResult
    func track(
        _ start: StartID,
        _ shim: Int32,
        _ pidfd: Descriptor,
        failureContext: StartFailureContext? = nil,
        report: StartReport? = nil
    ) -> Bool {
        lastID += 1
        let subject = EventSource(.shim, lastID)
        guard reactor.watch(pidfd.number, subject) else { return false }
        trackedShims[lastID] = TrackedShim(
            start: start,
            shimPID: shim,
            pidfd: pidfd,
            failureContext: failureContext,
            startReport: report
        )
        idByStart[start] = lastID
        idByShimPID[shim] = lastID
        recordWatcher.watchRecord(of: start.job, for: lastID)
        return true
    }

    /// Recovers a running start again in a second, when file descriptors may be available.
    ///
    /// `known` is its program, if only the database names it.
    func deferRecovery(_ start: StartID, _ known: KnownProgram? = nil) {
        deferredStarts[start] = .some(known)
        reactor.setTimer(EventSource(.shim, Self.deferredStartsID), at: reactor.now + .seconds(1))
    }

    /// Returns the deferred starts, which the caller recovers now.
    func takeDeferredStarts() -> [(start: StartID, known: KnownProgram?)] {
        defer { deferredStarts = [:] }
        return deferredStarts.sorted { ($0.key.job, $0.key.generation) < ($1.key.job, $1.key.generation) }
            .map { ($0.key, $0.value) }
    }

    /// Polls the record of a recovered start until its program is executed; its notice went to an earlier reconciler.
    func awaitExecution(_ start: StartID) {
        guard let id = idByStart[start] else { return }
        reactor.setTimer(EventSource(.shim, id), at: reactor.now + .milliseconds(5))
    }

    /// Reads the notices of shims.
    func readNotices() {
        let (started, failed, size) = noticePipe.readNotices()
        // A forked shim has sent its reply before its notice.
        receiveForkedShims()
        for start in started { reportStart(start) }
        for (start, error) in failed {
            if let id = idByStart[start] { trackedShims[id]?.recordError = error }
        }
        // A full pipe may have lost notices, so every record without an execution is read.
        if size >= 1 << 20 {
            for (id, tracked) in trackedShims where tracked.startReport == nil {
                reactor.setTimer(EventSource(.shim, id), at: reactor.now)
            }
        }
    }

    private func reportStart(_ start: StartID) {
        guard let id = idByStart[start], let tracked = trackedShims[id], tracked.startReport == nil,
            case .found(let record) = RecordReader.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation, let report = record.startReport,
            // The record may belong to another shim that was launched for the same start.
            record.shim?.pid == tracked.shimPID, record.isFromThisMachine
        else { return }
        hero_failpoint(FP_ST_12)
        trackedShims[id]?.startReport = report
        reactor.cancelTimer(EventSource(.shim, id))
        reactor.emit(.start(start, .started(report)))
        watchMainProcess(start, record)
        watchNotifyState(start, record)
        if record.mainEndReport != nil { reportMainEnd(id) }
    }

    /// A timer is due: read the record of a start again.
    func handleTimer(_ id: UInt64) {
        guard let tracked = trackedShims[id] else { return }
        guard tracked.startReport == nil else { return checkForSuccessor(id) }
        reportStart(tracked.start)
        guard trackedShims[id]?.startReport == nil else { return }
        checkStoppedShim(id)
        checkRecordLater(id)
    }

    func checkRecordLater(_ id: UInt64) {
        guard let attempts = trackedShims[id]?.attempts else { return }
        trackedShims[id]?.attempts += 1
        reactor.setTimer(EventSource(.shim, id), at: reactor.now + .milliseconds(min(5 << min(attempts, 6), 250)))
    }

    /// A shim has ended.
    func handleShimExit(_ id: UInt64) {
        guard let initial = trackedShims[id] else { return }
        // Its notices were written before its end.
        readNotices()
        reportStart(initial.start)
        // The rest of the tree may have ended before the change of the record was noticed.
        reportMainEnd(id)
        unwatchMainProcess(id)
        stopWatchingNotifyState(id)
        guard let tracked = trackedShims.removeValue(forKey: id) else { return }
        if idByStart[tracked.start] == id { idByStart[tracked.start] = nil }
        recordWatcher.unwatchRecord(of: tracked.start.job, for: id)
        accountLookups.removeFoundAccount(tracked.start)
        reactor.cancelTimer(EventSource(.shim, id))
        reactor.unwatch(tracked.pidfd.number)
        if idByShimPID[tracked.shimPID] == id { idByShimPID[tracked.shimPID] = nil }
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(tracked.pidfd.number, &status) == 1
        let code = reaped && hl_status_exited(status) == 1 ? hl_status_code(status) : nil
        conclude(tracked, code: code)
        // A refused shim does not own the cgroup: another shim may be about to use it.
        if code != HERO_SHIM_LOCKED, code != HERO_SHIM_SUPERSEDED { cgroups.remove(tracked.start) }
    }

    private func conclude(_ tracked: TrackedShim, code: Int32?) {
        let start = tracked.start
        guard case .found(let record) = RecordReader.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation
        else {
            conclude(tracked, withoutRecord: code)
            // A shim of an earlier reconciler may have begun a later start meanwhile.
            if code == HERO_SHIM_DONE { orphanTracker.onLaterStart?(start.job) }
            return
        }
        if let code, code == HERO_SHIM_LOCKED || code == HERO_SHIM_SUPERSEDED, tracked.startReport == nil {
            // The same start may have a shim of an earlier reconciler: track that shim instead.
            if let shim = record.shim, shim.pid != tracked.shimPID, let found = ProcessTable.open(shim),
                !found.stat.isDead,
                track(start, shim.pid, found.pidfd, failureContext: tracked.failureContext)
            {
                return awaitExecution(start)
            }
            return conclude(tracked, withoutRecord: code)
        }
        guard let report = record.endReport(tracked.failureContext) else {
            orphanTracker.trackOrphan(start, record)
            return
        }
        hero_failpoint(FP_EX_5)
        // A shim that exited by itself has ended its process tree; a killed one may have left processes.
        if code != HERO_SHIM_DONE, isRecordLocked(paths.record(of: start.job)) {
            orphanTracker.endRemainingProcesses(start, report)
        } else {
            reactor.emit(.start(start, .ended(report)))
        }
    }

    /// Reports the end of a start whose shim has left no record of it.
    private func conclude(_ tracked: TrackedShim, withoutRecord code: Int32?) {
        let failure: (stage: UInt32, text: String)
        switch code {
        case HERO_SHIM_LOCKED: return reportEnd(tracked.start, .startFailed(lockedFailure(tracked.start)))
        case HERO_SHIM_SUPERSEDED:
            failure = (HERO_STAGE_RECORD.rawValue, "the record already contains this start or a later one")
        case HERO_SHIM_BAD_SPEC:
            failure = (HERO_STAGE_NONE.rawValue, "the shim cannot read its spec; it may be of another version")
        case HERO_SHIM_NO_RECORD:
            failure = (
                HERO_STAGE_RECORD.rawValue,
                "\(paths.record(of: tracked.start.job)) or the log directory cannot be created or written"
            )
        default:
            let reason =
                code == HERO_SHIM_DONE
                ? "its record was removed from the run directory"
                : "the shim was killed before it could start the program"
            return reportEnd(
                tracked.start,
                .lost(reason),
                executed: tracked.startReport
            )
        }
        var reason = makeStartFailure(
            failure.stage,
            code == HERO_SHIM_NO_RECORD ? tracked.recordError : 0,
            tracked.failureContext
        )
        if reason.errno == 0 { reason.detail = failure.text }
        reportEnd(tracked.start, .startFailed(reason), executed: tracked.startReport)
    }

    /// Another process has the record open; the start waits until that process has closed it (EAGAIN).
    private func lockedFailure(_ start: StartID) -> StartFailure {
        var processes = JobProcesses(start: start, paths: paths)
        if case .found(let record) = RecordReader.read(paths.record(of: start.job), job: start.job) {
            let recorded = StartID(job: start.job, generation: record.generation)
            processes = JobProcesses(start: recorded, paths: paths)
            processes.recorded = [record.shim, record.main].compactMap { $0 }
            processes.main = record.main
            processes.cgroup = record.cgroup
        }
        let (own, foreign) = processes.lockHolders()
        // Processes of the job itself are being ended.
        let holders = own.isEmpty ? foreign : []
        let names = holders.prefix(3).map { holder in
            let pid = holder.identity.pid
            return "pid \(pid) \(ProcessInspector.programPath(of: pid) ?? "of an unknown program")"
        }
        let detail =
            names.isEmpty
            ? "another instance of this job holds its lock"
            : "\(names.joined(separator: ", ")) holds the lock of this job; stop that process or let it close its copy "
                + "of descriptor 3"
        return StartFailure(stage: .record, errno: EAGAIN, detail: detail)
    }

    func reportEnd(_ start: StartID, _ outcome: Outcome, executed: StartReport? = nil) {
        reactor.emit(.start(start, .ended(EndReport(outcome: outcome, time: currentWallTime(), executed: executed))))
    }
}

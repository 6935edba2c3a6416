import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The starts that a shim holds: launched by us, or found.
final class ShimTracker {
    /// What is heard of one program.
    struct NotifyWatch {
        /// The bell that rings when it has spoken; nil where the kernel has none to give.
        var watch: Int32?
        /// What was told last.
        var lastReported: NotifyState?
        /// How often it may be listened to at once, and since when that counts: who shouts is heard once a second.
        var remainingReports = 5
        var refilledAt: Moment
    }

    struct TrackedShim {
        var start: StartID
        /// The shim's pid: nobody else's as long as the pidfd is held and it is not reaped.
        var shimPID: Int32
        var pidfd: Descriptor
        var failureContext: StartFailureContext?
        /// The program executes, and that was told.
        var startReport: StartReport?
        /// The main program, watched while it may hand over to another one.
        var mainPidfd: Descriptor?
        /// What its program has said, where it may speak.
        var notifyWatch: NotifyWatch?
        /// How often the record was looked at in vain, for an execution or for a successor.
        var attempts: Int = 0
        /// Why its shim could not make or write its record, which then cannot say so: an errno, 0 where it did not tell.
        var recordError: Int32 = 0
    }

    let reactor: Reactor
    let paths: RuntimePaths
    private let launcher: ShimLauncher
    private let noticePipe: NoticePipe
    private let orphanTracker: OrphanTracker
    private let cgroups: StartCgroups
    private let accountLookups: AccountLookups
    /// Launches that wait for their account.
    private var pendingLookups: [StartID: AccountLookups.LookupID] = [:]
    let recordWatcher: RecordWatcher
    var trackedShims: [UInt64: TrackedShim] = [:]
    var idByStart: [StartID: UInt64] = [:]
    private var shimPIDs: Set<Int32> = []
    private var lastID: UInt64 = 0
    /// Starts that run and could not be followed yet for lack of descriptors (reliability.md RX-1).
    private var deferredStarts: Set<StartID> = []

    /// The number of the alarm at which they are looked at again; no shim has it.
    static let deferredStartsID: UInt64 = 0
    /// Unsafe programs that were told.
    private var reportedProblems: Set<String> = []

    init(
        _ reactor: Reactor,
        paths: RuntimePaths,
        launcher: ShimLauncher,
        notices: NoticePipe,
        orphans: OrphanTracker,
        containment: StartCgroups,
        accounts: AccountLookups
    ) {
        self.reactor = reactor
        self.paths = paths
        self.launcher = launcher
        self.noticePipe = notices
        self.orphanTracker = orphans
        self.cgroups = containment
        self.accountLookups = accounts
        recordWatcher = RecordWatcher(reactor)
    }

    /// Spawns a shim, once it is known as whom; whatever comes of it becomes an event.
    func launch(_ order: LaunchRequest) {
        pendingLookups[order.start] = accountLookups.find(order.rights, for: order.start) { [weak self] result in
            self?.pendingLookups[order.start] = nil
            self?.launch(order, as: result)
        }
    }

    /// Gives up a launch that waits for its account, which becomes its end.
    ///
    /// - Returns: false when this start does not wait.
    func cancelLaunch(_ start: StartID) -> Bool {
        guard let lookup = pendingLookups.removeValue(forKey: start) else { return false }
        accountLookups.cancel(lookup)
        let words = "the user it runs as: it was to end before that user was found"
        reportEnd(start, .startFailed(StartFailure(stage: .user, errno: ECANCELED, detail: words)))
        return true
    }

    private func launch(_ order: LaunchRequest, as account: AccountLookups.Result) {
        do {
            let child = try launcher.spawn(order, as: account.get())
            // Said once of each: a program that keeps crashing needs no second word.
            if let flaw = child.programProblem, reportedProblems.insert(flaw).inserted {
                reactor.emit(.unsafeProgram(order.label, flaw))
            }
            if !track(order.start, child.pid, child.pidfd, names: child.failureContext) {
                // Without a watch its end would never be heard of, so it must not live unheard.
                accountLookups.removeFoundAccount(order.start)
                _ = hl_pidfd_send_signal(child.pidfd.number, SIGKILL)
                reportEnd(
                    order.start,
                    .startFailed(StartFailure(stage: .launch, errno: errno, detail: errorText(errno)))
                )
            }
        } catch let refusal {
            accountLookups.removeFoundAccount(order.start)
            reportEnd(order.start, .startFailed(refusal.failure))
        }
    }

    /// The shim of a start, while it is followed.
    func shimPidfd(of start: StartID) -> Descriptor? { idByStart[start].flatMap { trackedShims[$0] }?.pidfd }

    /// The pid of the shim that holds a start.
    func shimPID(of start: StartID) -> Int32? { idByStart[start].flatMap { trackedShims[$0] }?.shimPID }

    /// Whether this is a shim that is followed.
    func isTrackedShim(_ pid: Int32) -> Bool { shimPIDs.contains(pid) }

    /// Follows a shim of which its pidfd is held.
    @discardableResult
    func track(
        _ start: StartID,
        _ shim: Int32,
        _ pidfd: Descriptor,
        names: StartFailureContext? = nil,
        report: StartReport? = nil
    ) -> Bool {
        lastID += 1
        let subject = EventSource(.shim, lastID)
        guard reactor.watch(pidfd.number, subject) else { return false }
        trackedShims[lastID] = TrackedShim(
            start: start,
            shimPID: shim,
            pidfd: pidfd,
            failureContext: names,
            startReport: report
        )
        idByStart[start] = lastID
        shimPIDs.insert(shim)
        return true
    }

    /// A start that runs is followed as soon as there is room: it is looked at again in a second.
    func deferRecovery(_ start: StartID) {
        deferredStarts.insert(start)
        reactor.setTimer(EventSource(.shim, Self.deferredStartsID), at: reactor.now + .seconds(1))
    }

    /// Those that wait to be followed; they are to be looked at now.
    func takeDeferredStarts() -> [StartID] {
        defer { deferredStarts = [] }
        return deferredStarts.sorted { ($0.job, $0.generation) < ($1.job, $1.generation) }
    }

    /// Looks at the record of a found start again and again until its program executes; its notice went elsewhere.
    func awaitExecution(_ start: StartID) {
        guard let number = idByStart[start] else { return }
        reactor.setTimer(EventSource(.shim, number), at: reactor.now + .milliseconds(5))
    }

    /// Reads what shims say.
    func readNotices() {
        let (started, failed, size) = noticePipe.readNotices()
        for start in started { reportStart(start) }
        for (start, error) in failed {
            if let number = idByStart[start] { trackedShims[number]?.recordError = error }
        }
        // A pipe that was full may have lost a notice: then every record is looked at.
        if size >= 1 << 20 {
            for (number, one) in trackedShims where one.startReport == nil {
                reactor.setTimer(EventSource(.shim, number), at: reactor.now)
            }
        }
    }

    private func reportStart(_ start: StartID) {
        guard let number = idByStart[start], let one = trackedShims[number], one.startReport == nil,
            case .found(let record) = RecordFile.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation, let report = record.startReport,
            // The record may be that of another shim which was given the same start.
            record.shim?.pid == one.shimPID, record.isFromThisMachine
        else { return }
        hero_failpoint(FP_ST_12)
        trackedShims[number]?.startReport = report
        reactor.cancelTimer(EventSource(.shim, number))
        reactor.emit(.started(start, report))
        watchMainProcess(start, record)
        watchNotifyState(start, record)
    }

    /// An alarm: a found start is looked at again.
    func handleTimer(_ number: UInt64) {
        guard let one = trackedShims[number] else { return }
        guard one.startReport == nil else { return checkForSuccessor(number) }
        reportStart(one.start)
        guard trackedShims[number]?.startReport == nil else { return }
        checkRecordLater(number)
    }

    private func checkRecordLater(_ number: UInt64) {
        guard let looks = trackedShims[number]?.attempts else { return }
        trackedShims[number]?.attempts += 1
        reactor.setTimer(EventSource(.shim, number), at: reactor.now + .milliseconds(min(5 << min(looks, 6), 250)))
    }

    // MARK: - Daemons that fork away

    /// Watches the main program of a start, if it is one that may hand over to another.
    func watchMainProcess(_ start: StartID, _ record: RecordFile) {
        guard record.allowsHandover, let number = idByStart[start], trackedShims[number]?.mainPidfd == nil else {
            return
        }
        trackedShims[number]?.attempts = 0
        guard let found = record.main.flatMap(ProcessTable.open) else { return checkRecordLater(number) }
        trackedShims[number]?.mainPidfd = found.pidfd
        reactor.watch(found.pidfd.number, EventSource(.mainProcess, number))
    }

    /// The main program of a start that may hand over has ended.
    func handleMainExit(_ number: UInt64) {
        unwatchMainProcess(number)
        checkRecordLater(number)
    }

    func unwatchMainProcess(_ number: UInt64) {
        guard let program = trackedShims[number]?.mainPidfd else { return }
        reactor.unwatch(program.number)
        trackedShims[number]?.mainPidfd = nil
    }

    /// Looks whether the shim has found who took over; it says so in its record, or ends.
    private func checkForSuccessor(_ number: UInt64) {
        guard let one = trackedShims[number], let report = one.startReport, one.mainPidfd == nil,
            case .found(let record) = RecordFile.read(paths.record(of: one.start.job), job: one.start.job),
            record.generation == one.start.generation, let successor = record.startReport
        else { return }
        guard !successor.process.isSameProcess(as: report.process) else { return checkRecordLater(number) }
        trackedShims[number]?.startReport = successor
        reactor.emit(.mainProcessReplaced(one.start, successor.process))
        watchMainProcess(one.start, record)
    }

    /// A shim has ended.
    func handleShimExit(_ number: UInt64) {
        guard let first = trackedShims[number] else { return }
        // What it said came before its end.
        readNotices()
        reportStart(first.start)
        unwatchMainProcess(number)
        stopWatchingNotifyState(number)
        guard let one = trackedShims.removeValue(forKey: number) else { return }
        if idByStart[one.start] == number { idByStart[one.start] = nil }
        accountLookups.removeFoundAccount(one.start)
        reactor.cancelTimer(EventSource(.shim, number))
        reactor.unwatch(one.pidfd.number)
        shimPIDs.remove(one.shimPID)
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(one.pidfd.number, &status) == 1
        let code = reaped && hl_status_exited(status) == 1 ? hl_status_code(status) : nil
        conclude(one, code: code)
        // Of a shim that was refused it is another's, who may be about to use it.
        if code != HERO_SHIM_LOCKED, code != HERO_SHIM_SUPERSEDED { cgroups.remove(one.start) }
    }

    private func conclude(_ one: TrackedShim, code: Int32?) {
        let start = one.start
        guard case .found(let record) = RecordFile.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation
        else { return conclude(one, withoutRecord: code) }
        if let code, code == HERO_SHIM_LOCKED || code == HERO_SHIM_SUPERSEDED, one.startReport == nil {
            // The very same start may be held by a shim that a former reconciler spawned: then that one is followed.
            if let shim = record.shim, shim.pid != one.shimPID, let found = ProcessTable.open(shim), !found.stat.isDead,
                track(start, shim.pid, found.pidfd, names: one.failureContext)
            {
                return awaitExecution(start)
            }
            return conclude(one, withoutRecord: code)
        }
        guard let report = record.endReport(one.failureContext) else {
            orphanTracker.trackOrphan(start, record)
            return
        }
        hero_failpoint(FP_EX_5)
        // A shim that ended by itself left nothing behind; one that was killed may have.
        if code != HERO_SHIM_DONE, isRecordLocked(paths.record(of: start.job)) {
            orphanTracker.endRemainingProcesses(start, report)
        } else {
            reactor.emit(.ended(start, report))
        }
    }

    /// The shim is gone and left no word on this start.
    private func conclude(_ one: TrackedShim, withoutRecord code: Int32?) {
        let failure: (stage: UInt32, text: String)
        switch code {
        case HERO_SHIM_LOCKED: failure = (HERO_STAGE_RECORD.rawValue, "another instance of this job holds its lock")
        case HERO_SHIM_SUPERSEDED:
            failure = (HERO_STAGE_RECORD.rawValue, "the record tells of this start or a later one already")
        case HERO_SHIM_BAD_SPEC:
            failure = (HERO_STAGE_NONE.rawValue, "the shim does not understand its spec; is it of another version?")
        case HERO_SHIM_NO_RECORD:
            failure = (
                HERO_STAGE_RECORD.rawValue,
                "\(paths.record(of: one.start.job)) or the log's directory cannot be made or written"
            )
        default:
            return reportEnd(
                one.start,
                .lost("the shim was killed before it could start the program"),
                executed: one.startReport
            )
        }
        var reason = makeStartFailure(
            failure.stage,
            code == HERO_SHIM_NO_RECORD ? one.recordError : 0,
            one.failureContext
        )
        if reason.errno == 0 { reason.detail = failure.text }
        reportEnd(one.start, .startFailed(reason), executed: one.startReport)
    }

    private func reportEnd(_ start: StartID, _ outcome: Outcome, executed: StartReport? = nil) {
        reactor.emit(.ended(start, EndReport(outcome: outcome, time: currentWallTime(), executed: executed)))
    }
}

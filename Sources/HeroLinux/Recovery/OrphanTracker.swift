import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Tracks the starts whose shim is gone while some of their processes are running.
///
/// The main process is watched through its own pidfd. After it has ended, the rest of its process tree is killed:
/// processes that were seen below it, and processes that hold the inherited instance lock. The start has ended when
/// that lock is free.
final class OrphanTracker {
    struct Orphan {
        var start: StartID
        var recordPath: String
        /// The directory of its cgroup, if it has one on this machine.
        var cgroup: String?
        /// The recorded shim and main process.
        var recorded: [ProcessIdentity] = []
        /// The recorded main process.
        var recordedMain: ProcessIdentity?
        /// Whether its record cannot be read, so that the number of the start is unknown (0).
        var isUnreadable = false
        /// The processes that have its record open and do not belong to it.
        var foreignHolders: [Int32] = []
        /// The report of the main process; nil while it is not known whether the program was executed.
        var startReport: StartReport?
        /// The pidfd of the main process, until that is reaped.
        var mainPidfd: Descriptor?
        var mainProcess: ProcessIdentity?
        /// The other processes of the start, with their pidfds.
        var members: [ProcessIdentity: Descriptor] = [:]
        /// The end of the start, once the main process has ended.
        var endReport: EndReport?
        var attempts = 0
    }

    private let reactor: Reactor
    let paths: RuntimePaths
    let cgroups: StartCgroups
    private let outputDrainer: OutputDrainer
    var orphans: [UInt64: Orphan] = [:]
    private var idByStart: [StartID: UInt64] = [:]
    private var lastID: UInt64 = 0
    /// Called when the record of an ended start contains a later start.
    var onLaterStart: ((JobID) -> Void)?

    /// How long to wait before the exit status of a process that has ended is read again.
    private static let statusReadInterval = Duration.milliseconds(20)
    /// How often it is read: for five seconds.
    private static let maxStatusReads = 250
    /// How often it is still read after a kill: for a quarter of a second.
    private static let statusReadsAfterKill = 12

    private static let shimKilled = "the shim was killed"
    private static let neverStarted = "the shim was killed before it could start the program"

    init(_ reactor: Reactor, paths: RuntimePaths, cgroups: StartCgroups, outputDrainer: OutputDrainer) {
        self.reactor = reactor
        self.paths = paths
        self.cgroups = cgroups
        self.outputDrainer = outputDrainer
    }

    /// Kills the remaining processes of a start whose end is recorded; its shim ended before it could do that.
    func endRemainingProcesses(_ start: StartID, _ ending: EndReport) {
        endMembers(add(Orphan(start: start, recordPath: paths.record(of: start.job), endReport: ending)))
    }

    /// The same, and waits for the end for a moment.
    ///
    /// - Returns: true if the start has ended; otherwise an event will report its end.
    func endRemainingProcesses(_ start: StartID, _ ending: EndReport, waitingUntil limit: Int64) -> Bool {
        let id = add(Orphan(start: start, recordPath: paths.record(of: start.job), endReport: ending))
        return endNow(id, waitingUntil: limit)
    }

    /// Ends the start of a job whose record cannot be read: the processes of its cgroups, of its shim and with its tag.
    ///
    /// - Returns: true if it has ended; otherwise an event with the start number 0 will report its end. A lock that
    ///   another process keeps counts as a running start too.
    func endUnreadableStart(_ job: JobID, _ ending: EndReport, waitingUntil limit: Int64) -> Bool {
        let start = StartID(job: job, generation: 0)
        var orphan = Orphan(start: start, recordPath: paths.record(of: job), endReport: ending)
        orphan.isUnreadable = true
        return endNow(idByStart[start] ?? add(orphan), waitingUntil: limit)
    }

    /// Kills the processes of an ended start, and waits for at most half a second.
    private func endNow(_ id: UInt64, waitingUntil limit: Int64) -> Bool {
        let limit = min(limit, hl_boot_clock() &+ 500_000_000)
        while true {
            if endMembers(id, isReported: false) { return true }
            guard hl_boot_clock() < limit else { return false }
            hl_sleep(5_000_000)
        }
    }

    private func add(_ orphan: Orphan) -> UInt64 {
        var orphan = orphan
        if case .found(let record) = RecordReader.read(orphan.recordPath, job: orphan.start.job),
            record.isFromThisMachine,
            record.generation == orphan.start.generation
        {
            orphan.cgroup = record.cgroup
            orphan.recorded = [record.shim, record.main].compactMap { $0 }
            orphan.recordedMain = record.main
        }
        lastID += 1
        orphans[lastID] = orphan
        idByStart[orphan.start] = lastID
        return lastID
    }

    /// Takes over a start whose shim is gone and whose end is not recorded.
    ///
    /// - Parameters:
    ///   - start: The start.
    ///   - record: Its record.
    ///   - announces: Whether a running program is reported as an event.
    /// - Returns: The report of a running program.
    @discardableResult
    func trackOrphan(_ start: StartID, _ record: RecordReader, announces: Bool = true) -> StartReport? {
        guard record.phase == HERO_PROC_EXECUTED || record.phase == HERO_PROC_GATED, let main = record.main,
            let found = ProcessTable.open(main)
        else {
            let executed = record.orphanReport
            let reason = executed == nil ? Self.neverStarted : Self.shimKilled
            endRemainingProcesses(start, EndReport(outcome: .lost(reason), time: currentWallTime(), executed: executed))
            return nil
        }
        guard let id = watchOrphan(start, record.orphanReport, main, found) else { return nil }
        guard let report = record.orphanReport else {
            // A program that was not released yet notices that its shim is gone and exits. If it keeps running, it was
            // released.
            reactor.setTimer(EventSource(.orphan, id), at: reactor.now + .milliseconds(100))
            return nil
        }
        if announces { reactor.emit(.start(start, .shimLost(report))) }
        return report
    }

    /// Takes over a running program that has neither a shim nor a record.
    ///
    /// - Returns: false if it has ended meanwhile; then its end follows as an event.
    func trackOrphan(_ start: StartID, _ report: StartReport, _ found: (pidfd: Descriptor, stat: ProcStat)) -> Bool {
        watchOrphan(start, report, report.process, found) != nil
    }

    private func watchOrphan(
        _ start: StartID,
        _ report: StartReport?,
        _ main: ProcessIdentity,
        _ found: (pidfd: Descriptor, stat: ProcStat)
    ) -> UInt64? {
        let id = add(
            Orphan(
                start: start,
                recordPath: paths.record(of: start.job),
                startReport: report,
                mainPidfd: found.pidfd,
                mainProcess: main
            )
        )
        if found.stat.isDead {
            handleMainExit(id)
            return nil
        }
        addDescendants(id)
        reactor.watch(found.pidfd.number, EventSource(.orphan, id))
        return id
    }

    /// Stores the output of a running main process that has lost its shim.
    func startOutputDrain(_ request: OutputCaptureRequest) {
        guard let orphan = idByStart[request.start].flatMap({ orphans[$0] }), orphan.mainPidfd != nil,
            let main = orphan.mainProcess
        else { return }
        outputDrainer.startDrain(request, of: main)
    }

    /// The output of a start is stored; its end may have waited for that.
    func handleDrainExit(_ start: StartID) {
        if let id = idByStart[start], orphans[id]?.endReport != nil { endMembers(id) }
    }

    /// Whether a PID belongs to a process that is tracked here.
    func isTrackedProcess(_ pid: Int32) -> Bool {
        orphans.values.contains { orphan in
            (orphan.mainPidfd != nil && orphan.mainProcess?.pid == pid)
                || orphan.members.keys.contains { $0.pid == pid }
        }
    }

    /// Returns the PIDs of the tracked processes of a start.
    func memberPIDs(of start: StartID) -> [Int32] {
        guard let orphan = trackedID(of: start).flatMap({ orphans[$0] }) else { return [] }
        let known = [orphan.mainPidfd == nil ? nil : orphan.mainProcess].compactMap { $0 } + orphan.members.keys
        return Set(known.map(\.pid) + orphan.foreignHolders).sorted()
    }

    /// Whether a start is tracked here.
    func contains(_ start: StartID) -> Bool { trackedID(of: start) != nil }

    /// Returns how the main process of a tracked start has ended; nil if it is running.
    func mainEndReport(of start: StartID) -> MainEndReport? {
        trackedID(of: start).flatMap { orphans[$0]?.endReport }.map {
            MainEndReport(
                outcome: $0.outcome,
                time: $0.time,
                remainingProcesses: memberPIDs(of: start).count,
                pidFileProblem: $0.pidFileProblem
            )
        }
    }

    /// The number of a start is unknown (0) while its record cannot be read.
    private func trackedID(of start: StartID) -> UInt64? {
        idByStart[start] ?? idByStart[StartID(job: start.job, generation: 0)]
    }

    /// Kills the main process and all processes that were seen below it.
    func killTree(_ start: StartID) {
        guard let id = trackedID(of: start), let orphan = orphans[id] else { return }
        addDescendants(id)
        addCgroupMembers(id)
        if let cgroup = orphan.cgroup { StartCgroups.kill(cgroup) }
        if let main = orphan.mainPidfd { _ = hl_pidfd_send_signal(main.number, SIGKILL) }
        // If the main process has ended already, its end is soon reported without an exit status: otherwise the job
        // would wait for its new parent to reap it, and would seem to survive this kill.
        if orphan.endReport == nil, orphan.attempts > 0 {
            orphans[id]?.attempts = max(orphan.attempts, Self.maxStatusReads - Self.statusReadsAfterKill)
        }
        for member in orphans[id]?.members.values.map({ $0 }) ?? [] {
            _ = hl_pidfd_send_signal(member.number, SIGKILL)
        }
    }

    /// The pidfd of the main process is readable.
    func handleMainExit(_ id: UInt64) {
        guard let orphan = orphans[id], let main = orphan.mainPidfd else { return }
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(main.number, &status)
        if reaped == 0 { return }
        // The process is not a child of this process: newer kernels report its status once its parent has reaped it.
        let statusKnown = reaped == 1 ? 1 : hl_pidfd_exit_status(main.number, &status)
        switch statusKnown {
        case 1: recordMainExit(id, status)
        case 0 where orphan.attempts < Self.maxStatusReads:
            reactor.unwatch(main.number)
            orphans[id]?.attempts += 1
            reactor.setTimer(EventSource(.orphan, id), at: reactor.now + Self.statusReadInterval)
        default: recordMainExit(id, nil)
        }
    }

    private func recordMainExit(_ id: UInt64, _ status: Int32?) {
        guard let orphan = orphans[id] else { return }
        if let main = orphan.mainPidfd { reactor.unwatch(main.number) }
        reactor.cancelTimer(EventSource(.orphan, id))
        orphans[id]?.mainPidfd = nil
        orphans[id]?.endReport = makeEndReport(status, orphan)
        orphans[id]?.attempts = 0
        endMembers(id)
    }

    private func makeEndReport(_ status: Int32?, _ orphan: Orphan) -> EndReport {
        var executed = orphan.startReport
        let outcome: Outcome
        if let status, hl_status_exited(status) == 1 {
            let code = hl_status_code(status)
            if executed == nil, code == HERO_CHILD_UNGATED {
                // A program may exit with this code too, but a program that was not released always does.
                outcome = .lost(Self.neverStarted)
            } else {
                executed = executed ?? gatedReport(orphan)
                outcome = .exited(code)
            }
        } else if let status {
            outcome = .signaled(Signal(number: hl_status_signal(status)), coreDumped: hl_status_dumped(status) == 1)
        } else {
            outcome = .lost("\(Self.shimKilled), and the exit status of the program is unknown")
        }
        return EndReport(outcome: outcome, time: currentWallTime(), executed: executed)
    }

    private func gatedReport(_ orphan: Orphan) -> StartReport? {
        guard case .found(let record) = RecordReader.read(orphan.recordPath, job: orphan.start.job) else { return nil }
        return record.generation == orphan.start.generation ? record.gatedReport : nil
    }

    /// A timer is due.
    func handleTimer(_ id: UInt64) {
        guard let orphan = orphans[id] else { return }
        guard orphan.endReport == nil else {
            endMembers(id)
            return
        }
        guard orphan.startReport == nil, orphan.attempts == 0 else { return handleMainExit(id) }
        // The program outlived its gate, so it was executed.
        guard let report = gatedReport(orphan) else { return }
        orphans[id]?.startReport = report
        reactor.emit(.start(orphan.start, .shimLost(report)))
    }

    /// Kills the remaining processes and repeats that until the lock is free.
    ///
    /// - Parameters:
    ///   - id: The tracked start.
    ///   - isReported: Whether the end is reported as an event.
    /// - Returns: Whether the start has ended.
    @discardableResult
    private func endMembers(_ id: UInt64, isReported: Bool = true) -> Bool {
        guard let orphan = orphans[id], let ending = orphan.endReport else { return true }
        if orphan.attempts == 0 { hero_failpoint(FP_EX_7) }
        // A later start takes the lock only after the processes of this one have ended, so its processes are not
        // killed.
        if hasLaterStart(orphan) {
            finish(id, orphan, ending, isReported)
            if isReported { onLaterStart?(orphan.start.job) }
            return true
        }
        let isRecordHeld = isRecordLocked(orphan.recordPath)
        // A lock that only other processes hold does not belong to this start: the next start names them and waits.
        let isLocked = isRecordHeld && addLockHolders(id)
        // Once is enough: processes that they fork later are their descendants, and no program starts with this tag any
        // more.
        if orphan.attempts == 0 { addTaggedProcesses(id) }
        if orphan.isUnreadable {
            orphans[id]?.cgroup = cgroups.directories(of: orphan.start.job).first(where: StartCgroups.isPopulated)
        }
        let populated = orphans[id]?.cgroup.flatMap { StartCgroups.isPopulated($0) ? $0 : nil }
        if let populated {
            addCgroupMembers(id)
            StartCgroups.kill(populated)
        }
        var hasMembers = false
        for (identity, pidfd) in orphans[id]?.members ?? [:] {
            var status: Int32 = 0
            // Some of them are children of this process now and must be reaped here.
            let isGone =
                hl_pidfd_reap(pidfd.number, &status) == 1
                || hl_pidfd_send_signal(pidfd.number, SIGKILL) == -ESRCH
                || ProcStat(of: identity.pid).map { $0.startTicks != identity.startTicks || $0.isDead } ?? true
            if isGone { orphans[id]?.members[identity] = nil } else { hasMembers = true }
        }
        // No process can write any more, so the pipes hold all the remaining output.
        let isUnread = !isLocked && populated == nil && !hasMembers && !outputDrainer.finishDrain(orphan.start)
        if isLocked || populated != nil || hasMembers || isUnread {
            orphans[id]?.attempts += 1
            let delay = orphan.attempts < 40 ? min(2 << min(orphan.attempts, 7), 250) : 2000
            reactor.setTimer(EventSource(.orphan, id), at: reactor.now + .milliseconds(delay))
            return false
        }
        finish(id, orphan, ending, isReported)
        return true
    }

    private func finish(_ id: UInt64, _ orphan: Orphan, _ ending: EndReport, _ isReported: Bool) {
        reactor.cancelTimer(EventSource(.orphan, id))
        orphans[id] = nil
        if idByStart[orphan.start] == id { idByStart[orphan.start] = nil }
        cgroups.remove(orphan.start)
        if orphan.isUnreadable { cgroups.directories(of: orphan.start.job).forEach { StartCgroups.remove($0) } }
        if isReported { reactor.emit(.start(orphan.start, .ended(ending))) }
    }

    private func hasLaterStart(_ orphan: Orphan) -> Bool {
        guard case .found(let record) = RecordReader.read(orphan.recordPath, job: orphan.start.job) else {
            return false
        }
        return record.generation > orphan.start.generation && record.isFromThisMachine && !record.isRetired
    }
}

/// Whether a process holds the instance lock of a record; a missing record is not locked.
func isRecordLocked(_ recordPath: String) -> Bool {
    if hero_is_disabled(HERO_LOCK) != 0 { return false }
    let number = open(recordPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    // If the record cannot be opened because file descriptors are short, the lock must count as held.
    guard number >= 0 else { return MachineShortage.isOfResources(errno) }
    let file = Descriptor(number)
    return hl_lock(file.number, 1) == 0
}

/// Returns the wall clock time in whole microseconds.
func currentWallTime() -> WallTime { WallTime(microseconds: hl_wall_clock() / 1000) }

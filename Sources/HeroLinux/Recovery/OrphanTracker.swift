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
    private struct Orphan {
        var start: StartID
        var recordPath: String
        /// The directory of its cgroup, if it has one on this machine.
        var cgroup: String?
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
    private let paths: RuntimePaths
    private let cgroups: StartCgroups
    private let outputDrainer: OutputDrainer
    private var orphans: [UInt64: Orphan] = [:]
    private var idByStart: [StartID: UInt64] = [:]
    private var lastID: UInt64 = 0

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
        let id = add(Orphan(start: start, recordPath: paths.record(of: start.job), endReport: ending))
        endMembers(id)
    }

    private func add(_ orphan: Orphan) -> UInt64 {
        var orphan = orphan
        if case .found(let record) = RecordFile.read(orphan.recordPath, job: orphan.start.job),
            record.isFromThisMachine,
            record.generation == orphan.start.generation
        {
            orphan.cgroup = record.cgroup
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
    func trackOrphan(_ start: StartID, _ record: RecordFile, announces: Bool = true) -> StartReport? {
        guard record.phase == HERO_PROC_EXECUTED || record.phase == HERO_PROC_GATED, let main = record.main,
            let found = ProcessTable.open(main)
        else {
            let executed = record.orphanReport
            let reason = executed == nil ? Self.neverStarted : Self.shimKilled
            endRemainingProcesses(start, EndReport(outcome: .lost(reason), time: currentWallTime(), executed: executed))
            return nil
        }
        let id = add(
            Orphan(
                start: start,
                recordPath: paths.record(of: start.job),
                startReport: record.orphanReport,
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
        guard let report = record.orphanReport else {
            // A program that was not released yet notices that its shim is gone and exits. If it keeps running, it was
            // released.
            reactor.setTimer(EventSource(.orphan, id), at: reactor.now + .milliseconds(100))
            return nil
        }
        if announces { reactor.emit(.start(start, .shimLost(report))) }
        return report
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
        guard let orphan = idByStart[start].flatMap({ orphans[$0] }) else { return [] }
        return ([orphan.mainPidfd == nil ? nil : orphan.mainProcess].compactMap { $0 } + orphan.members.keys).map(\.pid)
            .sorted()
    }

    /// Whether a start is tracked here.
    func contains(_ start: StartID) -> Bool { idByStart[start] != nil }

    /// Kills the main process and all processes that were seen below it.
    func killTree(_ start: StartID) {
        guard let id = idByStart[start], let orphan = orphans[id] else { return }
        addDescendants(id)
        addCgroupMembers(id)
        if let cgroup = orphan.cgroup { StartCgroups.kill(cgroup) }
        if let main = orphan.mainPidfd { _ = hl_pidfd_send_signal(main.number, SIGKILL) }
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
        case 0 where orphan.attempts < 250:
            reactor.unwatch(main.number)
            orphans[id]?.attempts += 1
            reactor.setTimer(EventSource(.orphan, id), at: reactor.now + .milliseconds(20))
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
        guard case .found(let record) = RecordFile.read(orphan.recordPath, job: orphan.start.job) else { return nil }
        return record.generation == orphan.start.generation ? record.gatedReport : nil
    }

    /// A timer is due.
    func handleTimer(_ id: UInt64) {
        guard let orphan = orphans[id] else { return }
        guard orphan.endReport == nil else { return endMembers(id) }
        guard orphan.startReport == nil, orphan.attempts == 0 else { return handleMainExit(id) }
        // The program outlived its gate, so it was executed.
        guard let report = gatedReport(orphan) else { return }
        orphans[id]?.startReport = report
        reactor.emit(.start(orphan.start, .shimLost(report)))
    }

    /// Kills the remaining processes and repeats that until the lock is free.
    private func endMembers(_ id: UInt64) {
        guard let orphan = orphans[id], let ending = orphan.endReport else { return }
        if orphan.attempts == 0 { hero_failpoint(FP_EX_7) }
        let isLocked = isRecordLocked(orphan.recordPath)
        if isLocked { addLockHolders(id) }
        // Once is enough: processes that they fork later are their descendants, and no program starts with this tag any
        // more.
        if orphan.attempts == 0 { addTaggedProcesses(id) }
        let isPopulated = orphan.cgroup.map(StartCgroups.isPopulated) ?? false
        if isPopulated {
            addCgroupMembers(id)
            orphan.cgroup.map(StartCgroups.kill)
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
        let isUnread = !isLocked && !isPopulated && !hasMembers && !outputDrainer.finishDrain(orphan.start)
        if isLocked || isPopulated || hasMembers || isUnread {
            orphans[id]?.attempts += 1
            let delay = min(2 << min(orphan.attempts, 7), 250)
            return reactor.setTimer(EventSource(.orphan, id), at: reactor.now + .milliseconds(delay))
        }
        orphans[id] = nil
        if idByStart[orphan.start] == id { idByStart[orphan.start] = nil }
        cgroups.remove(orphan.start)
        reactor.emit(.start(orphan.start, .ended(ending)))
    }

    // MARK: - Members

    /// Adds the descendants and the session members of the main process, while that is running.
    private func addDescendants(_ id: UInt64) {
        guard let orphan = orphans[id], let main = orphan.mainProcess, ProcessTable.isAlive(main) else { return }
        var candidates = Set(ProcessTable.descendants(of: main.pid))
        for pid in ProcessTable.allPIDs() where ProcStat(of: pid)?.session == main.pid { candidates.insert(pid) }
        candidates.remove(main.pid)
        let found = candidates.compactMap { pid in
            ProcessTable.identify(pid).flatMap { $0.stat.startTicks >= main.startTicks ? $0 : nil }
        }
        // If the main process has ended in between, its PID may belong to another process.
        guard ProcessTable.isAlive(main) else { return }
        for process in found { orphans[id]?.members[process.identity] = process.pidfd }
    }

    /// Adds the processes that have the tag of the start.
    private func addTaggedProcesses(_ id: UInt64) {
        guard let start = orphans[id]?.start else { return }
        let found = InstanceTag.processes(of: start, paths).compactMap { ProcessTable.identify($0) }
        let still = Set(found.isEmpty ? [] : InstanceTag.processes(of: start, paths))
        for process in found where still.contains(process.identity.pid) {
            orphans[id]?.members[process.identity] = process.pidfd
        }
    }

    /// Adds the processes in its cgroup: only the shim puts processes there, and their descendants stay there.
    private func addCgroupMembers(_ id: UInt64) {
        guard let cgroup = orphans[id]?.cgroup else { return }
        let own = getpid()
        let found = StartCgroups.members(of: cgroup).filter { $0 > 1 && $0 != own }.compactMap {
            ProcessTable.identify($0)
        }
        // A PID that was reused in between is no longer in the list.
        let still = Set(StartCgroups.members(of: cgroup))
        for process in found where still.contains(process.identity.pid) && process.stat.pid == process.identity.pid {
            orphans[id]?.members[process.identity] = process.pidfd
        }
    }

    /// Adds the processes that have the record open: only the process tree of a shim inherits it.
    private func addLockHolders(_ id: UInt64) {
        guard let path = orphans[id]?.recordPath else { return }
        for holder in lockHolders(of: path) { orphans[id]?.members[holder.identity] = holder.pidfd }
    }
}

/// Whether a process holds the instance lock of a record; a missing record is not locked.
func isRecordLocked(_ recordPath: String) -> Bool {
    if hero_is_disabled(HERO_LOCK) != 0 { return false }
    let number = open(recordPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    // If the record cannot be opened because file descriptors are short, the lock must count as held.
    guard number >= 0 else { return FileDescriptors.isShortage(errno) }
    let file = Descriptor(number)
    return hl_lock(file.number, 1) == 0
}

/// Returns the wall clock time in whole microseconds.
func currentWallTime() -> WallTime { WallTime(microseconds: hl_wall_clock() / 1000) }

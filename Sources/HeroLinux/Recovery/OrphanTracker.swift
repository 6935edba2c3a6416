import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The starts whose shim is gone while something of them lives.
///
/// The main program is watched by its own pidfd. Once it is dead, the rest of its tree is ended: processes that were
/// seen below it, and processes that hold the instance lock they inherited. A start is over when that lock is free.
final class OrphanTracker {
    private struct Orphan {
        var start: StartID
        var recordPath: String
        /// The directory of its cgroup, where it has one of this machine.
        var cgroup: String?
        /// Who executes; nil while it is not known whether the program was released.
        var startReport: StartReport?
        /// While the main program lives or waits to be reaped.
        var mainPidfd: Descriptor?
        var mainProcess: ProcessIdentity?
        /// Processes that belong to it, with the pidfds that hold them fast.
        var members: [ProcessIdentity: Descriptor] = [:]
        /// How it ended, once the main program is dead.
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

    init(_ reactor: Reactor, paths: RuntimePaths, containment: StartCgroups, drains: OutputDrainer) {
        self.reactor = reactor
        self.paths = paths
        self.cgroups = containment
        self.outputDrainer = drains
    }

    /// Ends what is left of a start whose end is written, because its shim did not live to do it.
    func endRemainingProcesses(_ start: StartID, _ ending: EndReport) {
        let number = add(Orphan(start: start, recordPath: paths.record(of: start.job), endReport: ending))
        endMembers(number)
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

    /// Takes over what is left of a start whose shim is gone and whose end is not written.
    ///
    /// - Parameters:
    ///   - start: The start.
    ///   - record: Its record.
    ///   - announces: Whether a living program is told as `orphaned`; else only its end will be.
    /// - Returns: The report of a program that lives.
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
        let number = add(
            Orphan(
                start: start,
                recordPath: paths.record(of: start.job),
                startReport: record.orphanReport,
                mainPidfd: found.pidfd,
                mainProcess: main
            )
        )
        if found.stat.isDead {
            handleMainExit(number)
            return nil
        }
        addDescendants(number)
        reactor.watch(found.pidfd.number, EventSource(.orphan, number))
        guard let report = record.orphanReport else {
            // A gated program notices by itself that its shim is gone. If it lives on, it had been released.
            reactor.setTimer(EventSource(.orphan, number), at: reactor.now + .milliseconds(100))
            return nil
        }
        if announces { reactor.emit(.shimLost(start, report)) }
        return report
    }

    /// Has the output of a main program stored that lives without its shim.
    func startOutputDrain(_ order: OutputCaptureRequest) {
        guard let orphan = idByStart[order.start].flatMap({ orphans[$0] }), orphan.mainPidfd != nil,
            let main = orphan.mainProcess
        else { return }
        outputDrainer.startDrain(order, of: main)
    }

    /// The output of a start is stored: its end may have waited for that.
    func handleDrainExit(_ start: StartID) {
        if let number = idByStart[start], orphans[number]?.endReport != nil { endMembers(number) }
    }

    /// Whether this process is one that is waited for here.
    func isTrackedProcess(_ pid: Int32) -> Bool {
        orphans.values.contains { orphan in
            (orphan.mainPidfd != nil && orphan.mainProcess?.pid == pid)
                || orphan.members.keys.contains { $0.pid == pid }
        }
    }

    /// The pids that are waited for of a start.
    func memberPIDs(of start: StartID) -> [Int32] {
        guard let orphan = idByStart[start].flatMap({ orphans[$0] }) else { return [] }
        return ([orphan.mainPidfd == nil ? nil : orphan.mainProcess].compactMap { $0 } + orphan.members.keys).map(\.pid)
            .sorted()
    }

    /// Whether this start is in here.
    func contains(_ start: StartID) -> Bool { idByStart[start] != nil }

    /// Ends the main program and all that was seen below it.
    func killTree(_ start: StartID) {
        guard let number = idByStart[start], let orphan = orphans[number] else { return }
        addDescendants(number)
        addCgroupMembers(number)
        if let cgroup = orphan.cgroup { StartCgroups.kill(cgroup) }
        if let main = orphan.mainPidfd { _ = hl_pidfd_send_signal(main.number, SIGKILL) }
        for member in orphans[number]?.members.values.map({ $0 }) ?? [] {
            _ = hl_pidfd_send_signal(member.number, SIGKILL)
        }
    }

    /// The main program's pidfd is ready.
    func handleMainExit(_ number: UInt64) {
        guard let orphan = orphans[number], let main = orphan.mainPidfd else { return }
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(main.number, &status)
        if reaped == 0 { return }
        // Not our child: the kernel tells once its parent has reaped it, where it can tell at all.
        let known = reaped == 1 ? 1 : hl_pidfd_exit_status(main.number, &status)
        switch known {
        case 1: recordMainExit(number, status)
        case 0 where orphan.attempts < 250:
            reactor.unwatch(main.number)
            orphans[number]?.attempts += 1
            reactor.setTimer(EventSource(.orphan, number), at: reactor.now + .milliseconds(20))
        default: recordMainExit(number, nil)
        }
    }

    private func recordMainExit(_ number: UInt64, _ status: Int32?) {
        guard let orphan = orphans[number] else { return }
        if let main = orphan.mainPidfd { reactor.unwatch(main.number) }
        reactor.cancelTimer(EventSource(.orphan, number))
        orphans[number]?.mainPidfd = nil
        orphans[number]?.endReport = makeEndReport(status, orphan)
        orphans[number]?.attempts = 0
        endMembers(number)
    }

    private func makeEndReport(_ status: Int32?, _ orphan: Orphan) -> EndReport {
        var executed = orphan.startReport
        let outcome: Outcome
        if let status, hl_status_exited(status) == 1 {
            let code = hl_status_code(status)
            if executed == nil, code == HERO_CHILD_UNGATED {
                // A program may exit with this code too; one that never was released always does.
                outcome = .lost(Self.neverStarted)
            } else {
                executed = executed ?? gatedReport(orphan)
                outcome = .exited(code)
            }
        } else if let status {
            outcome = .signaled(Signal(number: hl_status_signal(status)), coreDumped: hl_status_dumped(status) == 1)
        } else {
            outcome = .lost("\(Self.shimKilled), and nobody kept the exit status of the program")
        }
        return EndReport(outcome: outcome, time: currentWallTime(), executed: executed)
    }

    private func gatedReport(_ orphan: Orphan) -> StartReport? {
        guard case .found(let record) = RecordFile.read(orphan.recordPath, job: orphan.start.job) else { return nil }
        return record.generation == orphan.start.generation ? record.gatedReport : nil
    }

    /// An alarm of an orphan.
    func handleTimer(_ number: UInt64) {
        guard let orphan = orphans[number] else { return }
        guard orphan.endReport == nil else { return endMembers(number) }
        guard orphan.startReport == nil, orphan.attempts == 0 else { return handleMainExit(number) }
        // It outlived its gate: it executes, so it is an orphan like others.
        guard let report = gatedReport(orphan) else { return }
        orphans[number]?.startReport = report
        reactor.emit(.shimLost(orphan.start, report))
    }

    /// Ends what is left, and looks again until the lock is free.
    private func endMembers(_ number: UInt64) {
        guard let orphan = orphans[number], let ending = orphan.endReport else { return }
        if orphan.attempts == 0 { hero_failpoint(FP_EX_7) }
        let isLocked = isRecordLocked(orphan.recordPath)
        if isLocked { addLockHolders(number) }
        // Once is enough: whoever they fork from now on is below them, and no program starts with it any more.
        if orphan.attempts == 0 { addTaggedProcesses(number) }
        let isPopulated = orphan.cgroup.map(StartCgroups.isPopulated) ?? false
        if isPopulated {
            addCgroupMembers(number)
            orphan.cgroup.map(StartCgroups.kill)
        }
        var rest = false
        for (identity, pidfd) in orphans[number]?.members ?? [:] {
            var status: Int32 = 0
            // Some of them are our children now, and nobody else would reap them.
            let isGone =
                hl_pidfd_reap(pidfd.number, &status) == 1
                || hl_pidfd_send_signal(pidfd.number, SIGKILL) == -ESRCH
                || ProcStat(of: identity.pid).map { $0.startTicks != identity.startTicks || $0.isDead } ?? true
            if isGone { orphans[number]?.members[identity] = nil } else { rest = true }
        }
        // Nobody is left who could write: what is in the pipes now is all there will ever be.
        let isUnread = !isLocked && !isPopulated && !rest && !outputDrainer.finishDrain(orphan.start)
        if isLocked || isPopulated || rest || isUnread {
            orphans[number]?.attempts += 1
            let delay = min(2 << min(orphan.attempts, 7), 250)
            return reactor.setTimer(EventSource(.orphan, number), at: reactor.now + .milliseconds(delay))
        }
        orphans[number] = nil
        if idByStart[orphan.start] == number { idByStart[orphan.start] = nil }
        cgroups.remove(orphan.start)
        reactor.emit(.ended(orphan.start, ending))
    }

    // MARK: - Who belongs to it

    /// Remembers what is below the main program or in its session, while the main program proves that it is.
    private func addDescendants(_ number: UInt64) {
        guard let orphan = orphans[number], let main = orphan.mainProcess, ProcessTable.isAlive(main) else { return }
        var candidates = Set(ProcessTable.descendants(of: main.pid))
        for pid in ProcessTable.allPIDs() where ProcStat(of: pid)?.session == main.pid { candidates.insert(pid) }
        candidates.remove(main.pid)
        let found = candidates.compactMap { pid in
            ProcessTable.identify(pid).flatMap { $0.stat.startTicks >= main.startTicks ? $0 : nil }
        }
        // Had the main program died meanwhile, its pid could already be somebody else's.
        guard ProcessTable.isAlive(main) else { return }
        for one in found { orphans[number]?.members[one.identity] = one.pidfd }
    }

    /// Remembers who carries its marker.
    private func addTaggedProcesses(_ number: UInt64) {
        guard let start = orphans[number]?.start else { return }
        let found = InstanceTag.processes(of: start, paths).compactMap { ProcessTable.identify($0) }
        let still = Set(found.isEmpty ? [] : InstanceTag.processes(of: start, paths))
        for one in found where still.contains(one.identity.pid) { orphans[number]?.members[one.identity] = one.pidfd }
    }

    /// Remembers who is in its cgroup: only the shim puts anybody there, and they stay.
    private func addCgroupMembers(_ number: UInt64) {
        guard let cgroup = orphans[number]?.cgroup else { return }
        let own = getpid()
        let found = StartCgroups.members(of: cgroup).filter { $0 > 1 && $0 != own }.compactMap {
            ProcessTable.identify($0)
        }
        // A number that was passed on in between is no longer in the list.
        let still = Set(StartCgroups.members(of: cgroup))
        for one in found where still.contains(one.identity.pid) && one.stat.pid == one.identity.pid {
            orphans[number]?.members[one.identity] = one.pidfd
        }
    }

    /// Remembers who has the record open: only the tree of a shim inherits it.
    private func addLockHolders(_ number: UInt64) {
        guard let path = orphans[number]?.recordPath else { return }
        for holder in lockHolders(of: path) { orphans[number]?.members[holder.identity] = holder.pidfd }
    }
}

/// Whether somebody holds the instance lock of a record; a record that is not there is free.
func isRecordLocked(_ recordPath: String) -> Bool {
    if hero_is_disabled(HERO_LOCK) != 0 { return false }
    let number = open(recordPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    // What cannot be looked at for lack of room may well be held: then nobody may act as if it were free.
    guard number >= 0 else { return FileDescriptorBudget.isExhaustion(errno) }
    let file = Descriptor(number)
    return hl_lock(file.number, 1) == 0
}

/// The calendar, in whole microseconds.
func currentWallTime() -> WallTime { WallTime(microseconds: hl_wall_clock() / 1000) }

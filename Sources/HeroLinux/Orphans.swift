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
final class Orphans {
    private struct Orphan {
        var start: StartID
        var recordPath: String
        /// The directory of its cgroup, where it has one of this machine.
        var cgroup: String?
        /// Who executes; nil while it is not known whether the program was released.
        var report: StartReport?
        /// While the main program lives or waits to be reaped.
        var main: Descriptor?
        var mainIdentity: ProcessIdentity?
        /// Processes that belong to it, with the pidfds that hold them fast.
        var members: [ProcessIdentity: Descriptor] = [:]
        /// How it ended, once the main program is dead.
        var ending: EndReport?
        var looks = 0
    }

    private let reactor: Reactor
    private let paths: RuntimePaths
    private let containment: Containment
    private let drains: Drains
    private var orphans: [UInt64: Orphan] = [:]
    private var numbers: [StartID: UInt64] = [:]
    private var lastNumber: UInt64 = 0

    private static let shimKilled = "the shim was killed"
    private static let neverStarted = "the shim was killed before it could start the program"

    init(_ reactor: Reactor, paths: RuntimePaths, containment: Containment, drains: Drains) {
        self.reactor = reactor
        self.paths = paths
        self.containment = containment
        self.drains = drains
    }

    /// Ends what is left of a start whose end is written, because its shim did not live to do it.
    func takeRest(_ start: StartID, _ ending: EndReport) {
        let number = add(Orphan(start: start, recordPath: paths.record(of: start.job), ending: ending))
        finish(number)
    }

    private func add(_ orphan: Orphan) -> UInt64 {
        var orphan = orphan
        if case .found(let record) = RecordFile.read(orphan.recordPath, job: orphan.start.job), record.isOfThisMachine,
            record.generation == orphan.start.generation
        {
            orphan.cgroup = record.cgroup
        }
        lastNumber += 1
        orphans[lastNumber] = orphan
        numbers[orphan.start] = lastNumber
        return lastNumber
    }

    /// Takes over what is left of a start whose shim is gone and whose end is not written.
    ///
    /// - Parameters:
    ///   - start: The start.
    ///   - record: Its record.
    ///   - announces: Whether a living program is told as `orphaned`; else only its end will be.
    /// - Returns: The report of a program that lives.
    @discardableResult
    func take(_ start: StartID, _ record: RecordFile, announces: Bool = true) -> StartReport? {
        guard record.phase == HERO_PROC_EXECUTED || record.phase == HERO_PROC_GATED, let main = record.main,
            let found = Census.open(main)
        else {
            let executed = record.orphanReport
            let reason = executed == nil ? Self.neverStarted : Self.shimKilled
            takeRest(start, EndReport(outcome: .lost(reason), time: wallTimeNow(), executed: executed))
            return nil
        }
        let number = add(
            Orphan(
                start: start,
                recordPath: paths.record(of: start.job),
                report: record.orphanReport,
                main: found.pidfd,
                mainIdentity: main
            )
        )
        if found.stat.isDead {
            mainEnded(number)
            return nil
        }
        seeMembers(number)
        reactor.watch(found.pidfd.number, Subject(.orphan, number))
        guard let report = record.orphanReport else {
            // A gated program notices by itself that its shim is gone. If it lives on, it had been released.
            reactor.setAlarm(Subject(.orphan, number), at: reactor.now + .milliseconds(100))
            return nil
        }
        if announces { reactor.emit(.shimLost(start, report)) }
        return report
    }

    /// Has the output of a main program stored that lives without its shim.
    func keepOutput(_ order: OutputCaptureRequest) {
        guard let orphan = numbers[order.start].flatMap({ orphans[$0] }), orphan.main != nil,
            let main = orphan.mainIdentity
        else { return }
        drains.begin(order, of: main)
    }

    /// The output of a start is stored: its end may have waited for that.
    func outputEnded(_ start: StartID) {
        if let number = numbers[start], orphans[number]?.ending != nil { finish(number) }
    }

    /// Whether this process is one that is waited for here.
    func isMember(_ pid: Int32) -> Bool {
        orphans.values.contains { orphan in
            (orphan.main != nil && orphan.mainIdentity?.pid == pid) || orphan.members.keys.contains { $0.pid == pid }
        }
    }

    /// The pids that are waited for of a start.
    func members(of start: StartID) -> [Int32] {
        guard let orphan = numbers[start].flatMap({ orphans[$0] }) else { return [] }
        return ([orphan.main == nil ? nil : orphan.mainIdentity].compactMap { $0 } + orphan.members.keys).map(\.pid)
            .sorted()
    }

    /// Whether this start is in here.
    func holds(_ start: StartID) -> Bool { numbers[start] != nil }

    /// Ends the main program and all that was seen below it.
    func kill(_ start: StartID) {
        guard let number = numbers[start], let orphan = orphans[number] else { return }
        seeMembers(number)
        seeInCgroup(number)
        if let cgroup = orphan.cgroup { Containment.kill(cgroup) }
        if let main = orphan.main { _ = hl_pidfd_send_signal(main.number, SIGKILL) }
        for member in orphans[number]?.members.values.map({ $0 }) ?? [] {
            _ = hl_pidfd_send_signal(member.number, SIGKILL)
        }
    }

    /// The main program's pidfd is ready.
    func mainEnded(_ number: UInt64) {
        guard let orphan = orphans[number], let main = orphan.main else { return }
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(main.number, &status)
        if reaped == 0 { return }
        // Not our child: the kernel tells once its parent has reaped it, where it can tell at all.
        let known = reaped == 1 ? 1 : hl_pidfd_exit_status(main.number, &status)
        switch known {
        case 1: concludeMain(number, status)
        case 0 where orphan.looks < 250:
            reactor.unwatch(main.number)
            orphans[number]?.looks += 1
            reactor.setAlarm(Subject(.orphan, number), at: reactor.now + .milliseconds(20))
        default: concludeMain(number, nil)
        }
    }

    private func concludeMain(_ number: UInt64, _ status: Int32?) {
        guard let orphan = orphans[number] else { return }
        if let main = orphan.main { reactor.unwatch(main.number) }
        reactor.cancelAlarm(Subject(.orphan, number))
        orphans[number]?.main = nil
        orphans[number]?.ending = ending(status, orphan)
        orphans[number]?.looks = 0
        finish(number)
    }

    private func ending(_ status: Int32?, _ orphan: Orphan) -> EndReport {
        var executed = orphan.report
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
        return EndReport(outcome: outcome, time: wallTimeNow(), executed: executed)
    }

    private func gatedReport(_ orphan: Orphan) -> StartReport? {
        guard case .found(let record) = RecordFile.read(orphan.recordPath, job: orphan.start.job) else { return nil }
        return record.generation == orphan.start.generation ? record.gatedReport : nil
    }

    /// An alarm of an orphan.
    func ring(_ number: UInt64) {
        guard let orphan = orphans[number] else { return }
        guard orphan.ending == nil else { return finish(number) }
        guard orphan.report == nil, orphan.looks == 0 else { return mainEnded(number) }
        // It outlived its gate: it executes, so it is an orphan like others.
        guard let report = gatedReport(orphan) else { return }
        orphans[number]?.report = report
        reactor.emit(.shimLost(orphan.start, report))
    }

    /// Ends what is left, and looks again until the lock is free.
    private func finish(_ number: UInt64) {
        guard let orphan = orphans[number], let ending = orphan.ending else { return }
        if orphan.looks == 0 { hero_failpoint(FP_EX_7) }
        let isLocked = isLocked(orphan.recordPath)
        if isLocked { seeLockHolders(number) }
        // Once is enough: whoever they fork from now on is below them, and no program starts with it any more.
        if orphan.looks == 0 { seeMarked(number) }
        let isPopulated = orphan.cgroup.map(Containment.isPopulated) ?? false
        if isPopulated {
            seeInCgroup(number)
            orphan.cgroup.map(Containment.kill)
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
        let isUnread = !isLocked && !isPopulated && !rest && !drains.conclude(orphan.start)
        if isLocked || isPopulated || rest || isUnread {
            orphans[number]?.looks += 1
            let delay = min(2 << min(orphan.looks, 7), 250)
            return reactor.setAlarm(Subject(.orphan, number), at: reactor.now + .milliseconds(delay))
        }
        orphans[number] = nil
        if numbers[orphan.start] == number { numbers[orphan.start] = nil }
        containment.remove(orphan.start)
        reactor.emit(.ended(orphan.start, ending))
    }

    // MARK: - Who belongs to it

    /// Remembers what is below the main program or in its session, while the main program proves that it is.
    private func seeMembers(_ number: UInt64) {
        guard let orphan = orphans[number], let main = orphan.mainIdentity, Census.isAlive(main) else { return }
        var candidates = Set(Census.descendants(of: main.pid))
        for pid in Census.everyPID() where ProcStat(of: pid)?.session == main.pid { candidates.insert(pid) }
        candidates.remove(main.pid)
        let found = candidates.compactMap { pid in
            Census.identify(pid).flatMap { $0.stat.startTicks >= main.startTicks ? $0 : nil }
        }
        // Had the main program died meanwhile, its pid could already be somebody else's.
        guard Census.isAlive(main) else { return }
        for one in found { orphans[number]?.members[one.identity] = one.pidfd }
    }

    /// Remembers who carries its marker.
    private func seeMarked(_ number: UInt64) {
        guard let start = orphans[number]?.start else { return }
        let found = Marker.carriers(of: start, paths).compactMap { Census.identify($0) }
        let still = Set(found.isEmpty ? [] : Marker.carriers(of: start, paths))
        for one in found where still.contains(one.identity.pid) { orphans[number]?.members[one.identity] = one.pidfd }
    }

    /// Remembers who is in its cgroup: only the shim puts anybody there, and they stay.
    private func seeInCgroup(_ number: UInt64) {
        guard let cgroup = orphans[number]?.cgroup else { return }
        let own = getpid()
        let found = Containment.members(of: cgroup).filter { $0 > 1 && $0 != own }.compactMap { Census.identify($0) }
        // A number that was passed on in between is no longer in the list.
        let still = Set(Containment.members(of: cgroup))
        for one in found where still.contains(one.identity.pid) && one.stat.pid == one.identity.pid {
            orphans[number]?.members[one.identity] = one.pidfd
        }
    }

    /// Remembers who has the record open: only the tree of a shim inherits it.
    private func seeLockHolders(_ number: UInt64) {
        guard let path = orphans[number]?.recordPath else { return }
        for holder in lockHolders(of: path) { orphans[number]?.members[holder.identity] = holder.pidfd }
    }
}

/// Whether somebody holds the instance lock of a record; a record that is not there is free.
func isLocked(_ recordPath: String) -> Bool {
    if hero_is_disabled(HERO_LOCK) != 0 { return false }
    let number = open(recordPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    // What cannot be looked at for lack of room may well be held: then nobody may act as if it were free.
    guard number >= 0 else { return Room.isLack(errno) }
    let file = Descriptor(number)
    return hl_lock(file.number, 1) == 0
}

/// The calendar, in whole microseconds.
func wallTimeNow() -> WallTime { WallTime(microseconds: hl_wall_clock() / 1000) }

import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The starts that a shim holds: launched by us, or found.
final class Starts {
    /// What is heard of one program.
    struct Hearing {
        /// The bell that rings when it has spoken; nil where the kernel has none to give.
        var bell: Int32?
        /// What was told last.
        var told: NotifyState?
        /// How often it may be listened to at once, and since when that counts: who shouts is heard once a second.
        var turns = 5
        var since: Moment
    }

    struct Following {
        var start: StartID
        /// The shim's pid: nobody else's as long as the pidfd is held and it is not reaped.
        var shim: Int32
        var pidfd: Descriptor
        var names: FailureNames?
        /// The program executes, and that was told.
        var report: StartReport?
        /// The main program, watched while it may hand over to another one.
        var program: Descriptor?
        /// What its program has said, where it may speak.
        var hearing: Hearing?
        /// How often the record was looked at in vain, for an execution or for a successor.
        var looks: Int = 0
        /// Why its shim could not make or write its record, which then cannot say so: an errno, 0 where it did not tell.
        var recordError: Int32 = 0
    }

    let reactor: Reactor
    let paths: RuntimePaths
    private let launcher: Launcher
    private let notices: Notices
    private let orphans: Orphans
    private let containment: Containment
    private let accounts: AccountLookups
    /// Launches that wait for their account.
    private var lookups: [StartID: AccountLookups.Number] = [:]
    let bells: Doorbells
    var following: [UInt64: Following] = [:]
    var numbers: [StartID: UInt64] = [:]
    private var shims: Set<Int32> = []
    private var lastNumber: UInt64 = 0
    /// Starts that run and could not be followed yet for lack of descriptors (reliability.md RX-1).
    private var unfollowed: Set<StartID> = []

    /// The number of the alarm at which they are looked at again; no shim has it.
    static let adoptionNumber: UInt64 = 0
    /// Unsafe programs that were told.
    private var told: Set<String> = []

    init(
        _ reactor: Reactor,
        paths: RuntimePaths,
        launcher: Launcher,
        notices: Notices,
        orphans: Orphans,
        containment: Containment,
        accounts: AccountLookups
    ) {
        self.reactor = reactor
        self.paths = paths
        self.launcher = launcher
        self.notices = notices
        self.orphans = orphans
        self.containment = containment
        self.accounts = accounts
        bells = Doorbells(reactor)
    }

    /// Spawns a shim, once it is known as whom; whatever comes of it becomes an event.
    func launch(_ order: LaunchRequest) {
        lookups[order.start] = accounts.find(order.rights, for: order.start) { [weak self] result in
            self?.lookups[order.start] = nil
            self?.launch(order, as: result)
        }
    }

    /// Gives up a launch that waits for its account, which becomes its end.
    ///
    /// - Returns: false when this start does not wait.
    func callOff(_ start: StartID) -> Bool {
        guard let lookup = lookups.removeValue(forKey: start) else { return false }
        accounts.cancel(lookup)
        let words = "the user it runs as: it was to end before that user was found"
        end(start, .startFailed(StartFailure(stage: .user, errno: ECANCELED, detail: words)))
        return true
    }

    private func launch(_ order: LaunchRequest, as account: AccountLookups.Result) {
        do {
            let child = try launcher.spawn(order, as: account.get())
            // Said once of each: a program that keeps crashing needs no second word.
            if let flaw = child.flaw, told.insert(flaw).inserted {
                reactor.emit(.unsafeProgram(order.label, flaw))
            }
            if !follow(order.start, child.pid, child.pidfd, names: child.names) {
                // Without a watch its end would never be heard of, so it must not live unheard.
                accounts.forget(order.start)
                _ = hl_pidfd_send_signal(child.pidfd.number, SIGKILL)
                end(order.start, .startFailed(StartFailure(stage: .launch, errno: errno, detail: errorText(errno))))
            }
        } catch let refusal {
            accounts.forget(order.start)
            end(order.start, .startFailed(refusal.failure))
        }
    }

    /// The shim of a start, while it is followed.
    func pidfd(of start: StartID) -> Descriptor? { numbers[start].flatMap { following[$0] }?.pidfd }

    /// The pid of the shim that holds a start.
    func shimPID(of start: StartID) -> Int32? { numbers[start].flatMap { following[$0] }?.shim }

    /// Whether this is a shim that is followed.
    func isShim(_ pid: Int32) -> Bool { shims.contains(pid) }

    /// Follows a shim of which its pidfd is held.
    @discardableResult
    func follow(
        _ start: StartID,
        _ shim: Int32,
        _ pidfd: Descriptor,
        names: FailureNames? = nil,
        report: StartReport? = nil
    ) -> Bool {
        lastNumber += 1
        let subject = Subject(.shim, lastNumber)
        guard reactor.watch(pidfd.number, subject) else { return false }
        following[lastNumber] = Following(start: start, shim: shim, pidfd: pidfd, names: names, report: report)
        numbers[start] = lastNumber
        shims.insert(shim)
        return true
    }

    /// A start that runs is followed as soon as there is room: it is looked at again in a second.
    func adoptLater(_ start: StartID) {
        unfollowed.insert(start)
        reactor.setAlarm(Subject(.shim, Self.adoptionNumber), at: reactor.now + .seconds(1))
    }

    /// Those that wait to be followed; they are to be looked at now.
    func takeUnfollowed() -> [StartID] {
        defer { unfollowed = [] }
        return unfollowed.sorted { ($0.job, $0.generation) < ($1.job, $1.generation) }
    }

    /// Looks at the record of a found start again and again until its program executes; its notice went elsewhere.
    func awaitExecution(_ start: StartID) {
        guard let number = numbers[start] else { return }
        reactor.setAlarm(Subject(.shim, number), at: reactor.now + .milliseconds(5))
    }

    /// Reads what shims say.
    func readNotices() {
        let (started, failed, size) = notices.drain()
        for start in started { announce(start) }
        for (start, error) in failed {
            if let number = numbers[start] { following[number]?.recordError = error }
        }
        // A pipe that was full may have lost a notice: then every record is looked at.
        if size >= 1 << 20 {
            for (number, one) in following where one.report == nil {
                reactor.setAlarm(Subject(.shim, number), at: reactor.now)
            }
        }
    }

    private func announce(_ start: StartID) {
        guard let number = numbers[start], let one = following[number], one.report == nil,
            case .found(let record) = RecordFile.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation, let report = record.startReport,
            // The record may be that of another shim which was given the same start.
            record.shim?.pid == one.shim, record.isOfThisMachine
        else { return }
        hero_failpoint(FP_ST_12)
        following[number]?.report = report
        reactor.cancelAlarm(Subject(.shim, number))
        reactor.emit(.started(start, report))
        watchProgram(start, record)
        followWords(start, record)
    }

    /// An alarm: a found start is looked at again.
    func ring(_ number: UInt64) {
        guard let one = following[number] else { return }
        guard one.report == nil else { return lookForSuccessor(number) }
        announce(one.start)
        guard following[number]?.report == nil else { return }
        lookLater(number)
    }

    private func lookLater(_ number: UInt64) {
        guard let looks = following[number]?.looks else { return }
        following[number]?.looks += 1
        reactor.setAlarm(Subject(.shim, number), at: reactor.now + .milliseconds(min(5 << min(looks, 6), 250)))
    }

    // MARK: - Daemons that fork away

    /// Watches the main program of a start, if it is one that may hand over to another.
    func watchProgram(_ start: StartID, _ record: RecordFile) {
        guard record.handsOver, let number = numbers[start], following[number]?.program == nil else { return }
        following[number]?.looks = 0
        guard let found = record.main.flatMap(Census.open) else { return lookLater(number) }
        following[number]?.program = found.pidfd
        reactor.watch(found.pidfd.number, Subject(.program, number))
    }

    /// The main program of a start that may hand over has ended.
    func programEnded(_ number: UInt64) {
        unwatchProgram(number)
        lookLater(number)
    }

    func unwatchProgram(_ number: UInt64) {
        guard let program = following[number]?.program else { return }
        reactor.unwatch(program.number)
        following[number]?.program = nil
    }

    /// Looks whether the shim has found who took over; it says so in its record, or ends.
    private func lookForSuccessor(_ number: UInt64) {
        guard let one = following[number], let report = one.report, one.program == nil,
            case .found(let record) = RecordFile.read(paths.record(of: one.start.job), job: one.start.job),
            record.generation == one.start.generation, let successor = record.startReport
        else { return }
        guard !successor.process.isSameProcess(as: report.process) else { return lookLater(number) }
        following[number]?.report = successor
        reactor.emit(.mainProcessReplaced(one.start, successor.process))
        watchProgram(one.start, record)
    }

    /// A shim has ended.
    func shimEnded(_ number: UInt64) {
        guard let first = following[number] else { return }
        // What it said came before its end.
        readNotices()
        announce(first.start)
        unwatchProgram(number)
        forgetWords(number)
        guard let one = following.removeValue(forKey: number) else { return }
        if numbers[one.start] == number { numbers[one.start] = nil }
        accounts.forget(one.start)
        reactor.cancelAlarm(Subject(.shim, number))
        reactor.unwatch(one.pidfd.number)
        shims.remove(one.shim)
        var status: Int32 = 0
        let reaped = hl_pidfd_reap(one.pidfd.number, &status) == 1
        let code = reaped && hl_status_exited(status) == 1 ? hl_status_code(status) : nil
        conclude(one, code: code)
        // Of a shim that was refused it is another's, who may be about to use it.
        if code != HERO_SHIM_LOCKED, code != HERO_SHIM_SUPERSEDED { containment.remove(one.start) }
    }

    private func conclude(_ one: Following, code: Int32?) {
        let start = one.start
        guard case .found(let record) = RecordFile.read(paths.record(of: start.job), job: start.job),
            record.generation == start.generation
        else { return conclude(one, withoutRecord: code) }
        if let code, code == HERO_SHIM_LOCKED || code == HERO_SHIM_SUPERSEDED, one.report == nil {
            // The very same start may be held by a shim that a former reconciler spawned: then that one is followed.
            if let shim = record.shim, shim.pid != one.shim, let found = Census.open(shim), !found.stat.isDead,
                follow(start, shim.pid, found.pidfd, names: one.names)
            {
                return awaitExecution(start)
            }
            return conclude(one, withoutRecord: code)
        }
        guard let report = record.end(one.names) else {
            orphans.take(start, record)
            return
        }
        hero_failpoint(FP_EX_5)
        // A shim that ended by itself left nothing behind; one that was killed may have.
        if code != HERO_SHIM_DONE, isLocked(paths.record(of: start.job)) {
            orphans.takeRest(start, report)
        } else {
            reactor.emit(.ended(start, report))
        }
    }

    /// The shim is gone and left no word on this start.
    private func conclude(_ one: Following, withoutRecord code: Int32?) {
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
            return end(one.start, .lost("the shim was killed before it could start the program"), executed: one.report)
        }
        var reason = startFailure(failure.stage, code == HERO_SHIM_NO_RECORD ? one.recordError : 0, one.names)
        if reason.errno == 0 { reason.detail = failure.text }
        end(one.start, .startFailed(reason), executed: one.report)
    }

    private func end(_ start: StartID, _ outcome: Outcome, executed: StartReport? = nil) {
        reactor.emit(.ended(start, EndReport(outcome: outcome, time: wallTimeNow(), executed: executed)))
    }
}

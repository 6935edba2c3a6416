import HeroKernel
public import HeroModel

/// The machine: what lives on when a reconciler is killed.
public final class SimMachine {
    /// A start of a job, from the order to its last trace.
    struct Start {
        var id: StartID
        var request: LaunchRequest
        /// Whether its shim lives; a shim that was refused never holds anything.
        var hasShim = true
        /// Whether its shim has the lock: its generation is on record.
        var isHeld = false
        var process: ProcessIdentity?
        var report: StartReport?
        var behaviour = ProgramBehaviour()
        var isProgramAlive = false
        var outcome: Outcome?
        var endTime: WallTime?
        var execution: Int?

        /// Whether it lives and does not answer any more.
        func isHanging(_ now: Moment) -> Bool {
            guard isProgramAlive, let report, let sickAfter = behaviour.hangsAfter else { return false }
            return report.at + sickAfter <= now
        }
    }

    /// What happens at a moment.
    enum Event {
        case shimBegins(Int)
        case programEnds(Int, Outcome)
        case shimEnds(Int, EndReport)
        case shimKilled(Int)
        case probeFinishes(StartID, serial: UInt64)
        case programNotifiesReady(Int)
        case notifyProbeFinishes(StartID, serial: UInt64, asksWhetherReady: Bool)
        case foreignListenerExits(ProcessIdentity)
    }

    private struct ScheduledEvent {
        var moment: Moment
        var order: Int
        var event: Event
    }

    /// The boot this machine is in.
    public private(set) var bootID = "boot-1"
    /// The clock.
    public private(set) var now = Moment(nanoseconds: 1_000_000_000)
    /// What really happened.
    public internal(set) var trace = SimTrace()
    /// Misfortune: programs crash, shims are killed, spawns are refused.
    ///
    /// Off: everything works.
    public var isFaultFree = false
    /// Whether programs that nothing can end may be ended after all.
    public var canKillUnkillable = false
    /// Who looks at the machine now.
    public internal(set) weak var kernel: SimKernel?

    /// The programs that live and do not answer any more, by label.
    public var hangingPrograms: [String] { starts.values.filter { $0.isHanging(now) }.map(\.request.label).sorted() }

    var generator: SeededGenerator
    var starts: [Int: Start] = [:]
    /// What the record file of each job says: the start that last held its lock.
    var records: [JobID: Int] = [:]
    /// What was written beside the record of each job.
    var recoveryRecords: [JobID: [UInt8]] = [:]
    /// Whether the run directory takes nothing new.
    public var isRunDirectoryFull = false
    /// Starts up to this generation of a job are refused.
    var retired: [JobID: UInt32] = [:]
    /// Who listens on ports that are not theirs.
    var foreignListeners: [UInt16: ForeignListener] = [:]
    /// How far the calendar is from where it began, besides the time that has passed since boot.
    private var calendarShift: Int64 = 0
    private var nextStart = 0
    private var schedule: [ScheduledEvent] = []
    private var scheduled = 0
    private var nextPid: Int32 = 100
    private var ticks: UInt64 = 1

    /// A machine from a number.
    public init(seed number: UInt64) {
        generator = SeededGenerator(number)
    }

    /// The calendar.
    public var wallTime: WallTime {
        WallTime(microseconds: 1_790_000_000_000_000 &+ (now.nanoseconds &+ calendarShift) / 1000)
    }

    /// Sets the calendar forward, or back; the boot clock goes on.
    public func setCalendar(by shift: Duration) {
        calendarShift &+= shift.wholeNanoseconds
        kernel?.post(.clockChanged)
    }

    // MARK: Time

    func scheduleEvent(_ delay: Duration, _ occurrence: Event) {
        scheduled += 1
        schedule.append(ScheduledEvent(moment: now + delay, order: scheduled, event: occurrence))
    }

    /// The next moment at which something happens.
    var nextMoment: Moment? { schedule.map(\.moment).min() }

    /// Lets everything happen that is due until a moment, and moves the clock there.
    func advance(to moment: Moment) {
        while let index = schedule.indices.min(by: {
            (schedule[$0].moment, schedule[$0].order) < (schedule[$1].moment, schedule[$1].order)
        }), schedule[index].moment <= moment {
            let due = schedule.remove(at: index)
            now = max(now, due.moment)
            perform(due.event)
        }
        now = max(now, moment)
    }

    /// Lets time pass while nobody looks.
    public func advanceTime(_ duration: Duration) {
        advance(to: now + duration)
    }

    func makeIdentity() -> ProcessIdentity {
        // Pids come around soon, as they do on a machine with a small pid_max.
        nextPid = nextPid >= 140 ? 100 : nextPid + 1
        ticks &+= 1
        return ProcessIdentity(
            bootID: bootID,
            pidNamespace: 1,
            pid: nextPid,
            startTicks: ticks / 4 + 1,
            pidfsInode: ticks
        )
    }

    // MARK: Starts

    /// Removes what was written beside the record of a job, as a program that knows nothing of it would have left it.
    public func removeRecoveryRecord(of job: JobID) { recoveryRecords[job] = nil }

    /// The program of this label that lives; nil when none does.
    public func runningProcess(_ label: String) -> ProcessIdentity? {
        starts.values.first { $0.isProgramAlive && $0.request.label == label }?.process
    }

    func launch(_ order: LaunchRequest) {
        trace.actions.append((.launched(order.start, label: order.label), now))
        let key = nextStart
        nextStart += 1
        starts[key] = Start(id: order.start, request: order)
        if !isFaultFree, generator.chance(4) {
            starts[key]?.hasShim = false
            let failure = StartFailure(stage: .launch, errno: 11, detail: "resource temporarily unavailable")
            scheduleEvent(
                .zero,
                .shimEnds(key, EndReport(outcome: .startFailed(failure), time: wallTime, executed: nil))
            )
            return
        }
        let isSlow = !isFaultFree && generator.chance(5)
        scheduleEvent(
            isSlow ? generator.milliseconds(50...400) : .microseconds(generator.number(100...2000)),
            .shimBegins(key)
        )
    }

    /// Reboots: nothing that ran is left, and the run directory is empty.
    public func reboot() {
        for key in starts.keys.sorted() where starts[key]?.isProgramAlive ?? false {
            recordProgramEnd(key, .signaled(.kill, coreDumped: false), lostShim: true)
        }
        // What was not stored yet is gone with the run directory, and nobody may pretend to know it.
        for index in trace.executions.indices {
            trace.executions[index].lostShim = true
            trace.executions[index].beforeReboot = true
        }
        starts = [:]
        records = [:]
        recoveryRecords = [:]
        retired = [:]
        foreignListeners = [:]
        schedule = []
        bootID = "boot-\(generator.next())"
        calendarShift &+= now.nanoseconds &- 2_000_000_000
        now = Moment(nanoseconds: 2_000_000_000)
    }

    /// Kills a shim that runs, if there is one.
    public func killAnyShim() {
        let candidates = starts.keys.sorted().filter { (starts[$0]?.hasShim ?? false) && (starts[$0]?.isHeld ?? false) }
        guard !candidates.isEmpty else { return }
        scheduleEvent(.zero, .shimKilled(candidates[Int(generator.next() % UInt64(candidates.count))]))
    }
}

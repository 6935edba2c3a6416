import HeroKernel
public import HeroModel
import HeroRandom

/// The simulated machine: everything that outlives a reconciler.
public final class SimMachine {
    /// A start of a job, from its request until its record is removed.
    struct Start {
        var id: StartID
        var request: LaunchRequest
        /// Whether its shim is alive.
        var hasShim = true
        /// Whether its shim has taken the lock, so that its generation is recorded.
        var isHeld = false
        var process: ProcessIdentity?
        var report: StartReport?
        var behaviour = ProgramBehaviour()
        var isProgramAlive = false
        var outcome: Outcome?
        var endTime: WallTime?
        var execution: Int?

        /// Whether its program is alive and hangs.
        func isHanging(_ now: Moment) -> Bool {
            guard isProgramAlive, let report, let sickAfter = behaviour.hangsAfter else { return false }
            return report.at + sickAfter <= now
        }
    }

    /// Something that happens at a scheduled moment.
    enum Event {
        case shimStarts(Int)
        case programEnds(Int, Outcome)
        case shimEnds(Int, EndReport)
        case shimKilled(Int)
        case probeFinishes(StartID, serial: UInt64)
        case programNotifiesReady(Int)
        case notifyProbeFinishes(StartID, serial: UInt64, requiresReady: Bool)
        case foreignListenerExits(ProcessIdentity)
    }

    private struct ScheduledEvent {
        var moment: Moment
        var order: Int
        var event: Event
    }

    /// The current boot.
    public private(set) var bootID = "boot-1"
    /// The boot clock.
    public private(set) var now = Moment(nanoseconds: 1_000_000_000)
    /// What has actually happened.
    public internal(set) var trace = SimTrace()
    /// Whether the commands of actions fail.
    public var failsCommands = false
    /// The content of its files.
    public var files: [String: String] = [:]
    /// Whether no faults are injected: otherwise programs crash, shims are killed, and spawns fail.
    public var isFaultFree = false
    /// Whether programs that survive SIGKILL can be killed after all.
    public var canKillUnkillable = false
    /// The kernel of the current reconciler.
    public internal(set) weak var kernel: SimKernel?

    /// The labels of the programs that hang.
    public var hangingPrograms: [String] { starts.values.filter { $0.isHanging(now) }.map(\.request.label).sorted() }

    var generator: SeededGenerator
    var starts: [Int: Start] = [:]
    /// The record of each job: the start that last held its lock.
    var records: [JobID: Int] = [:]
    /// The recovery record of each job.
    var recoveryRecords: [JobID: [UInt8]] = [:]
    /// Whether nothing can be written to the run directory.
    public var isRunDirectoryFull = false
    /// How many of the next launches fail for lack of processes.
    public var failingLaunches = 0
    /// For each job, the generation up to which starts are refused.
    var retired: [JobID: UInt32] = [:]
    /// Foreign processes, by the port on which they listen.
    var foreignListeners: [UInt16: ForeignListener] = [:]
    /// By how many nanoseconds the calendar was set.
    private var calendarShift: Int64 = 0
    private var nextStart = 0
    private var schedule: [ScheduledEvent] = []
    private var scheduled = 0
    private var nextPid: Int32 = 100
    private var ticks: UInt64 = 1

    /// Creates the machine of a seed.
    public init(seed number: UInt64) {
        generator = SeededGenerator(number)
    }

    /// The calendar time.
    public var wallTime: WallTime {
        WallTime(microseconds: 1_790_000_000_000_000 &+ (now.nanoseconds &+ calendarShift) / 1000)
    }

    /// Sets the calendar forward or back; the boot clock does not change.
    public func setCalendar(by shift: Duration) {
        calendarShift &+= shift.wholeNanoseconds
        kernel?.post(.clockChanged)
    }

    // MARK: Time

    func scheduleEvent(_ delay: Duration, _ event: Event) {
        scheduled += 1
        schedule.append(ScheduledEvent(moment: now + delay, order: scheduled, event: event))
    }

    /// The next scheduled moment; nil when nothing is scheduled.
    var nextMoment: Moment? { schedule.map(\.moment).min() }

    /// Performs everything that is scheduled until a moment, and advances the clock to it.
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

    /// Advances the clock without a reconciler.
    public func advanceTime(_ duration: Duration) {
        advance(to: now + duration)
    }

    func makeIdentity() -> ProcessIdentity {
        // Process IDs are reused soon, as on a machine with a small pid_max.
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

    /// Removes the recovery record of a job, as if an earlier version of heroproc had started the job.
    public func removeRecoveryRecord(of job: JobID) { recoveryRecords[job] = nil }

    /// The running program of a label; nil when there is none.
    public func runningProcess(_ label: String) -> ProcessIdentity? {
        starts.values.first { $0.isProgramAlive && $0.request.label == label }?.process
    }

    func launch(_ request: LaunchRequest) {
        trace.actions.append((.launched(request.start, label: request.label), now))
        let key = nextStart
        nextStart += 1
        starts[key] = Start(id: request.start, request: request)
        let isOrdered = failingLaunches > 0
        if isOrdered { failingLaunches -= 1 }
        if isOrdered || !isFaultFree && generator.chance(4) {
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
            .shimStarts(key)
        )
    }

    /// Reboots the machine: all processes are gone, and the run directory is empty.
    public func reboot() {
        for key in starts.keys.sorted() where starts[key]?.isProgramAlive ?? false {
            recordProgramEnd(key, .signaled(.kill, coreDumped: false), lostShim: true)
        }
        // Ends that were not stored are lost with the run directory.
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

    /// Removes the run directory, as a logout does; its programs go on.
    public func removeRunDirectory() {
        records = [:]
        recoveryRecords = [:]
        retired = [:]
    }

    /// Kills a running shim, if there is one.
    public func killAnyShim() {
        let candidates = starts.keys.sorted().filter { (starts[$0]?.hasShim ?? false) && (starts[$0]?.isHeld ?? false) }
        guard !candidates.isEmpty else { return }
        scheduleEvent(.zero, .shimKilled(candidates[Int(generator.next() % UInt64(candidates.count))]))
    }
}

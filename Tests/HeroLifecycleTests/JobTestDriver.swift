import HeroLifecycle
import HeroModel

/// Drives the lifecycle of one job in a test: it sends events and advances the clock.
struct JobTestDriver {
    var lifecycle: JobLifecycle
    var action: ActionSpec
    var now = Moment(nanoseconds: 1_000_000_000)
    var random = 0.5
    /// The blockers that every check reports; nil if no check is reported.
    var blockers: StartBlockers? = StartBlockers()
    private var lastPid: Int32 = 100

    init(_ action: ActionSpec) {
        self.action = action
        lifecycle = JobLifecycle(Self.record())
    }

    static func record() -> JobRecord {
        JobRecord(
            id: 7,
            context: "core",
            service: "web",
            action: "server",
            run: 3,
            revision: 1,
            tags: [],
            createdAt: WallTime(microseconds: 0)
        )
    }

    static func process(_ change: (inout ActionSpec) -> Void = { _ in }) -> ActionSpec {
        var action = ActionSpec("server", .exec(["/bin/server"]), isProcess: true)
        action.retry.jitter = 0
        change(&action)
        return action
    }

    static func oneShot(_ change: (inout ActionSpec) -> Void = { _ in }) -> ActionSpec {
        var action = ActionSpec("seed", .exec(["/bin/seed"]))
        action.retry.jitter = 0
        change(&action)
        return action
    }

    static func identity(_ pid: Int32) -> ProcessIdentity {
        ProcessIdentity(bootID: "b", pidNamespace: 1, pid: pid, startTicks: UInt64(pid), pidfsInode: UInt64(pid))
    }

    var context: JobLifecycle.Context {
        JobLifecycle.Context(
            action: action,
            now: now,
            time: WallTime(microseconds: now.nanoseconds / 1000),
            bootID: "b",
            random: random
        )
    }

    @discardableResult
    mutating func handle(_ event: JobEvent) -> [JobEffect] {
        var effects = lifecycle.handle(event, context)
        while lifecycle.needsBlockerCheck, let blockers {
            effects += lifecycle.handle(.blockersChecked(blockers), context)
        }
        return effects
    }

    mutating func advance(_ duration: Duration) { now = now + duration }

    @discardableResult
    mutating func reportStart() -> [JobEffect] {
        lastPid += 1
        return handle(
            .started(
                generation: lifecycle.record.generation,
                process: Self.identity(lastPid),
                at: now,
                time: WallTime(microseconds: 0)
            )
        )
    }

    @discardableResult
    mutating func reportEnd(_ outcome: Outcome, executed: Bool = true) -> [JobEffect] {
        handle(.ended(generation: lifecycle.record.generation, outcome, executed: executed, time: nil))
    }

    /// Requests the start and reports it.
    mutating func startJob() {
        handle(.startRequested)
        reportStart()
    }
}

extension [JobEffect] {
    /// The effects without recorded events.
    var withoutEvents: [JobEffect] {
        filter {
            if case .recordEvent = $0 { return false }
            return true
        }
    }
}

extension JobTestDriver {
    /// Reports the state of the program; by default it has sent `READY=1`.
    @discardableResult
    mutating func notify(_ change: (inout NotifyState) -> Void) -> [JobEffect] {
        var state = NotifyState(asOf: now)
        state.isReady = true
        change(&state)
        return handle(.notified(generation: lifecycle.record.generation, state))
    }

    /// Advances the clock to the deadline of the job and reports that it was reached.
    @discardableResult
    mutating func reachDeadline() -> [JobEffect] {
        now = lifecycle.deadline ?? now
        return handle(.deadlineReached)
    }
}

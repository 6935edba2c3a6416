import HeroLifecycle
import HeroModel

/// A job on a workbench: events go in, time moves by adding.
struct JobTestDriver {
    var lifecycle: JobLifecycle
    var action: ActionSpec
    var now = Moment(nanoseconds: 1_000_000_000)
    var random = 0.5
    /// What it sees when it looks what stands in its way; nil: nobody tells it.
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

    /// Brings a process up.
    mutating func startJob() {
        handle(.startRequested)
        reportStart()
    }
}

extension [JobEffect] {
    /// The effects without their notes.
    var withoutEvents: [JobEffect] {
        filter {
            if case .recordEvent = $0 { return false }
            return true
        }
    }
}

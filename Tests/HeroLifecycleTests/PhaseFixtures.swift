import HeroLifecycle
import HeroModel

/// Jobs in every phase, and an event of every kind, for the tests that cover all pairs of them.
enum PhaseFixtures {
    /// A job in a phase: its action, and the steps that lead to the phase.
    struct Phase: Sendable {
        var name: String
        var action: ActionSpec
        var steps: @Sendable (inout JobTestDriver) -> Void

        init(
            _ name: String,
            _ action: ActionSpec,
            _ steps: @escaping @Sendable (inout JobTestDriver) -> Void = { _ in }
        ) {
            self.name = name
            self.action = action
            self.steps = steps
        }

        /// The job in this phase; no later check reports its blockers.
        var job: JobTestDriver {
            var job = JobTestDriver(action)
            steps(&job)
            job.blockers = nil
            return job
        }
    }

    /// A process that listens on a port.
    static let process = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    /// A daemon with a PID file.
    static let daemon = JobTestDriver.process { $0.pidFile = "/run/web.pid" }

    /// A one-shot that also succeeds with exit code 3.
    static func oneShot(_ change: (inout ActionSpec) -> Void = { _ in }) -> ActionSpec {
        JobTestDriver.oneShot {
            $0.successExitCodes = [0, 3]
            change(&$0)
        }
    }

    /// Events of every kind about a start.
    static func events(generation: UInt32) -> [(name: String, event: JobEvent)] {
        let moment = Moment(nanoseconds: 1_000_000_000)
        let time = WallTime(microseconds: 0)
        let (process, child) = (JobTestDriver.identity(101), JobTestDriver.identity(102))
        func ended(_ outcome: Outcome, executed: Bool = true) -> JobEvent {
            .ended(generation: generation, outcome, executed: executed, time: nil)
        }
        func notified(_ change: (inout NotifyState) -> Void) -> JobEvent {
            var state = NotifyState(asOf: Moment(nanoseconds: 2_000_000_000))
            state.isReady = true
            change(&state)
            return .notified(generation: generation, state)
        }
        let refusal = StartFailure(stage: .fork, errno: 11, detail: "no pids left")
        return [
            ("start requested", .startRequested),
            ("stop requested", .stopRequested),
            ("no blocker found", .blockersChecked(StartBlockers())),
            ("blocked port found", .blockersChecked(StartBlockers(unresolved: ["tcp 80 is in use"]))),
            ("launch cancelled", .launchCancelled(generation: generation)),
            ("started", .started(generation: generation, process: process, at: moment, time: time)),
            ("main process replaced", .mainProcessReplaced(generation: generation, process: child)),
            ("successor awaited, no file", .successorAwaited(generation: generation, .missing)),
            ("successor awaited, bad file", .successorAwaited(generation: generation, .noNumber)),
            ("main process ended, 1 process left", .mainEnded(generation: generation, .exited(0))),
            ("start refused temporarily", ended(.startFailed(refusal), executed: false)),
            ("exited with code 0", ended(.exited(0))),
            ("exited with code 3", ended(.exited(3))),
            ("exited with code 1", ended(.exited(1))),
            ("ended with unknown outcome", ended(.lost("its shim was killed"))),
            (
                "end of an earlier start",
                .ended(generation: generation &- 1, .exited(0), executed: true, time: nil)
            ),
            ("shim lost", .shimLost(generation: generation, process: process, at: moment, time: time)),
            ("probe succeeded", .probeSucceeded(generation: generation, serial: 1)),
            ("probe failed", .probeFailed(generation: generation, serial: 1, "refused")),
            ("READY=1 received", notified { _ in }),
            ("RELOADING=1 received", notified { $0.isReloading = true }),
            ("STOPPING=1 received", notified { $0.isStopping = true }),
            ("probe skipped", .probeSkipped(generation: generation, serial: 1, "no descriptor is left")),
            ("survived kill", .survivedKill(generation: generation, ["pid 7 (web, state D)"])),
            ("spec changed", .specChanged),
            ("machine slept", .machineSlept),
            ("retry requested", .retryRequested),
            ("deadline reached", .deadlineReached),
        ]
    }

    /// Every phase, most of them in several variants.
    static let phases: [Phase] = [
        Phase("pending", process),
        Phase("preparing", process) {
            $0.blockers = nil
            $0.handle(.startRequested)
        },
        Phase("preparing, blocked", process) {
            $0.blockers = nil
            $0.handle(.startRequested)
            $0.handle(.blockersChecked(StartBlockers(unresolved: ["tcp 80 is in use"])))
        },
        Phase("launching", process) { $0.handle(.startRequested) },
        Phase("starting", process) { $0.startJob() },
        Phase("starting, until READY=1", JobTestDriver.process { $0.ready = Probe(.notify) }) { $0.startJob() },
        Phase("starting, until its PID file", daemon) { $0.startJob() },
        Phase("starting, after the exit of its launcher", daemon) {
            $0.startJob()
            $0.handle(.successorAwaited(generation: 1, .missing))
        },
        Phase("ready", process) { $0.becomeReady() },
        Phase("ready, with a watchdog", JobTestDriver.process { $0.health = Probe(.watchdog(.seconds(30))) }) {
            $0.startJob()
            $0.reportState { $0.watchdog = .seconds(30) }
        },
        Phase("ready, reloading", process) {
            $0.becomeReady()
            $0.reportState { $0.isReloading = true }
        },
        Phase("ready, stopping by itself", process) {
            $0.becomeReady()
            $0.reportState { $0.isStopping = true }
        },
        Phase("ready, during a listening check", process) {
            $0.becomeReady()
            $0.reachDeadline()
        },
        Phase(
            "ready, during a health probe",
            JobTestDriver.process { $0.health = Probe(.exec(["check"]), failures: 2) }
        ) {
            $0.startJob()
            $0.reachDeadline()
        },
        Phase(
            "ready, during the last allowed health probe",
            JobTestDriver.process { $0.health = Probe(.exec(["check"]), failures: 1) }
        ) {
            $0.startJob()
            $0.reachDeadline()
        },
        Phase("ready, never restarted", JobTestDriver.process { $0.restart = .never }) { $0.startJob() },
        Phase("launching (one-shot)", oneShot()) { $0.handle(.startRequested) },
        Phase("running once", oneShot { $0.timeout = .seconds(60) }) { $0.startJob() },
        Phase("running once, with attempts left", oneShot { $0.retry.maxAttempts = 2 }) { $0.startJob() },
        Phase("stopping, never launched", process) {
            $0.handle(.startRequested)
            $0.handle(.stopRequested)
        },
        Phase("stopping", process) {
            $0.startJob()
            $0.handle(.stopRequested)
        },
        Phase("stopping, killed once", process) {
            $0.startJob()
            $0.handle(.stopRequested)
            $0.reachDeadline()
        },
        Phase("stopping, killed twice", process) {
            $0.startJob()
            $0.handle(.stopRequested)
            for _ in 0..<2 { $0.reachDeadline() }
        },
        Phase("stopping, before a retry", process) {
            $0.startJob()
            $0.advance(.seconds(30))
            $0.handle(.deadlineReached)
        },
        Phase("stopping, after the end of main", process) {
            $0.startJob()
            $0.handle(.mainEnded(generation: 1, .exited(0)))
        },
        Phase("backing off", process) {
            $0.startJob()
            $0.reportEnd(.exited(1))
        },
        Phase("finished", JobTestDriver.oneShot()) {
            $0.startJob()
            $0.reportEnd(.exited(0))
        },
    ]
}

extension JobTestDriver {
    /// Starts the job and reports the success of its first probe.
    fileprivate mutating func becomeReady() {
        startJob()
        handle(.probeSucceeded(generation: 1, serial: 1))
    }

    /// Reports the notify state of a program that has sent `READY=1`.
    fileprivate mutating func reportState(_ change: (inout NotifyState) -> Void) {
        var state = NotifyState(asOf: Moment(nanoseconds: 2_000_000_000))
        state.isReady = true
        change(&state)
        handle(.notified(generation: lifecycle.record.generation, state))
    }
}

import Foundation
import HeroLifecycle
import HeroModel
import Testing

/// `docs/reference/phases.md` is rendered from the machine itself, so that it cannot drift.
@Suite("The reference of phases")
struct PhaseTableTests {
    @Test("says what the machine does; RECORD_GOLDENS=1 writes it anew")
    func table() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/reference/phases.md").standardized
        let rendered = Self.page
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
            try rendered.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("docs/reference/phases.md was written; read it, and run the tests again")
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == rendered, "docs/reference/phases.md is not what the machine does")
    }

    private static let events: [(name: String, event: JobEvent)] = [
        ("ordered up", .startRequested),
        ("ordered down", .stopRequested),
        ("saw nothing in the way", .blockersChecked(StartBlockers())),
        ("saw a port taken", .blockersChecked(StartBlockers(unresolved: ["tcp 80 is taken"]))),
        ("called off", .launchCancelled(generation: 1)),
        (
            "started",
            .started(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: Moment(nanoseconds: 1_000_000_000),
                time: WallTime(microseconds: 0)
            )
        ),
        ("handed over to a child", .mainProcessReplaced(generation: 1, process: JobTestDriver.identity(102))),
        (
            "had no room to start",
            .ended(
                generation: 1,
                .startFailed(StartFailure(stage: .fork, errno: 11, detail: "no room")),
                executed: false,
                time: nil
            )
        ),
        ("ended well", .ended(generation: 1, .exited(0), executed: true, time: nil)),
        ("ended with a code of its own", .ended(generation: 1, .exited(3), executed: true, time: nil)),
        ("ended badly", .ended(generation: 1, .exited(1), executed: true, time: nil)),
        ("ended, nobody knows how", .ended(generation: 1, .lost("its shim was killed"), executed: true, time: nil)),
        ("was another start's", .ended(generation: 0, .exited(0), executed: true, time: nil)),
        (
            "lost its shim",
            .shimLost(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: Moment(nanoseconds: 1_000_000_000),
                time: WallTime(microseconds: 0)
            )
        ),
        ("answered yes", .probeSucceeded(generation: 1, serial: 1)),
        ("answered no", .probeFailed(generation: 1, serial: 1, "refused")),
        ("said that it is ready", said { _ in }),
        ("said that it reloads", said { $0.isReloading = true }),
        ("said that it is stopping", said { $0.isStopping = true }),
        ("could not be asked", .probeSkipped(generation: 1, serial: 1, "no descriptor is left")),
        ("outlives its kill", .survivedKill(generation: 1, ["pid 7 (web, state D)"])),
        ("changed in place", .specChanged),
        ("the machine slept", .machineSlept),
        ("applied again", .retryRequested),
        ("deadline", .deadlineReached),
    ]

    private static func said(_ change: (inout NotifyState) -> Void) -> JobEvent {
        var report = NotifyState(asOf: Moment(nanoseconds: 2_000_000_000))
        report.isReady = true
        change(&report)
        return .notified(generation: 1, report)
    }

    private static let process = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    /// A one-shot that takes exit code 3 for success too.
    private static func oneShot(_ change: (inout ActionSpec) -> Void = { _ in }) -> ActionSpec {
        JobTestDriver.oneShot {
            $0.successExitCodes = [0, 3]
            change(&$0)
        }
    }

    /// Every phase with the steps that lead to it.
    private static let phases: [(name: String, action: ActionSpec, steps: @Sendable (inout JobTestDriver) -> Void)] = [
        ("pending", process, { _ in }),
        (
            "clearing", process,
            {
                $0.blockers = nil
                $0.handle(.startRequested)
            }
        ),
        (
            "clearing, blocked", process,
            {
                $0.blockers = nil
                $0.handle(.startRequested)
                $0.handle(.blockersChecked(StartBlockers(unresolved: ["tcp 80 is taken"])))
            }
        ),
        ("launching", process, { $0.handle(.startRequested) }),
        ("starting", process, { $0.startJob() }),
        (
            "starting, until it says that it is ready", JobTestDriver.process { $0.ready = Probe(.notify) },
            { $0.startJob() }
        ),
        (
            "up", process,
            {
                $0.startJob()
                $0.handle(.probeSucceeded(generation: 1, serial: 1))
            }
        ),
        (
            "up, with a watchdog", JobTestDriver.process { $0.health = Probe(.watchdog(.seconds(30))) },
            {
                $0.startJob()
                $0.handle(said { $0.watchdog = .seconds(30) })
            }
        ),
        (
            "up, and reloading", process,
            {
                $0.startJob()
                $0.handle(.probeSucceeded(generation: 1, serial: 1))
                $0.handle(said { $0.isReloading = true })
            }
        ),
        (
            "up, and stopping by itself", process,
            {
                $0.startJob()
                $0.handle(.probeSucceeded(generation: 1, serial: 1))
                $0.handle(said { $0.isStopping = true })
            }
        ),
        (
            "up, looked at whether it listens", process,
            {
                $0.startJob()
                $0.handle(.probeSucceeded(generation: 1, serial: 1))
                $0.now = $0.lifecycle.deadline ?? $0.now
                $0.handle(.deadlineReached)
            }
        ),
        (
            "up, asked for its health", JobTestDriver.process { $0.health = Probe(.exec(["check"]), failures: 2) },
            {
                $0.startJob()
                $0.now = $0.lifecycle.deadline ?? $0.now
                $0.handle(.deadlineReached)
            }
        ),
        (
            "up, asked for its health for the last time",
            JobTestDriver.process { $0.health = Probe(.exec(["check"]), failures: 1) },
            {
                $0.startJob()
                $0.now = $0.lifecycle.deadline ?? $0.now
                $0.handle(.deadlineReached)
            }
        ),
        ("up (never restarted)", JobTestDriver.process { $0.restart = .never }, { $0.startJob() }),
        ("launching (one-shot)", oneShot(), { $0.handle(.startRequested) }),
        ("working (one-shot)", oneShot { $0.timeout = .seconds(60) }, { $0.startJob() }),
        ("working (one-shot with tries left)", oneShot { $0.retry.maxAttempts = 2 }, { $0.startJob() }),
        (
            "stopping what was never launched", process,
            {
                $0.handle(.startRequested)
                $0.handle(.stopRequested)
            }
        ),
        (
            "stopping", process,
            {
                $0.startJob()
                $0.handle(.stopRequested)
            }
        ),
        (
            "stopping, killed before", process,
            {
                $0.startJob()
                $0.handle(.stopRequested)
                $0.advance(.seconds(10))
                $0.handle(.deadlineReached)
            }
        ),
        (
            "stopping, killed in vain", process,
            {
                $0.startJob()
                $0.handle(.stopRequested)
                for _ in 0..<2 {
                    $0.advance(.seconds(10))
                    $0.handle(.deadlineReached)
                }
            }
        ),
        (
            "stopping for the next try", process,
            {
                $0.startJob()
                $0.advance(.seconds(30))
                $0.handle(.deadlineReached)
            }
        ),
        (
            "backing off", process,
            {
                $0.startJob()
                $0.reportEnd(.exited(1))
            }
        ),
        (
            "over", JobTestDriver.oneShot(),
            {
                $0.startJob()
                $0.reportEnd(.exited(0))
            }
        ),
    ]

    private static var page: String {
        var text = """
            # Phases of a job

            What each event does in each phase, rendered from the machine (`HeroLife`) by its tests. A dash means: nothing
            happens. `note` is an event for people. `starting`, `up` and `stopping` are of a process that declares a port;
            a process that declares nothing is up once it executes. The one-shots here take exit code 3 for success too.


            """
        for phase in phases {
            text += "## \(phase.name)\n\n| event | becomes | does |\n|---|---|---|\n"
            for (name, event) in events {
                var bench = JobTestDriver(phase.action)
                phase.steps(&bench)
                bench.blockers = nil
                if event == .deadlineReached { bench.now = bench.lifecycle.deadline ?? bench.now }
                let before = bench.lifecycle
                let effects = bench.handle(event)
                let isSame = bench.lifecycle.phase == before.phase && bench.lifecycle.record == before.record
                let becomes = isSame ? "-" : Self.name(bench.lifecycle.phase)
                text +=
                    "| \(name) | \(becomes) | \(effects.isEmpty ? "-" : effects.map(Self.name).joined(separator: ", ")) |\n"
            }
            text += "\n"
        }
        return text + adoptions
    }

    // MARK: The next reconciler

    /// What is stored of a job when a reconciler dies.
    private static let records: [(name: String, change: @Sendable (inout JobRecord) -> Void)] = [
        ("pending", { $0.phase = .pending }),
        ("launched, never seen", { $0.executions = 0 }),
        ("launched again, never seen", { _ in }),
        ("running", { $0.process = JobTestDriver.identity(101) }),
        (
            "ready",
            {
                $0.process = JobTestDriver.identity(101)
                $0.isReady = true
            }
        ),
        (
            "stopping",
            {
                $0.process = JobTestDriver.identity(101)
                $0.isStopping = true
            }
        ),
        ("backing off", { $0.phase = .retrying }),
        ("succeeded", { $0.phase = .succeeded }),
        ("failed", { $0.phase = .failed }),
        ("cancelled", { $0.phase = .cancelled }),
    ]

    private static let recoveredStarts: [(name: String, sighting: RecoveredJobStart)] = [
        ("its program runs", .supervised(generation: 2, process: JobTestDriver.identity(101), at: moment, time: time)),
        ("its shim has not executed it yet", .supervised(generation: 2, process: nil, at: moment, time: time)),
        (
            "its program runs without its shim",
            .shimLost(generation: 2, process: JobTestDriver.identity(101), at: moment, time: time)
        ),
        ("ended well", .ended(generation: 2, .exited(0), executed: true, time: time)),
        ("ended badly", .ended(generation: 2, .exited(1), executed: true, time: time)),
        ("only an earlier start has left a trace", .ended(generation: 1, .exited(0), executed: true, time: time)),
        ("nothing is there", .notFound),
    ]

    private static let moment = Moment(nanoseconds: 1_000_000_000)
    private static let time = WallTime(microseconds: 0)

    private static var adoptions: String {
        var text = """
            # A job that the next reconciler takes up

            What follows from what is stored of a job and from what is there of it. Each is a process of a service that declares a
            port; the last two tables are after a restart of the machine.


            """
        for (name, change) in records {
            text += "## Stored as \(name)\n\n| found | becomes | does |\n|---|---|---|\n"
            for (found, sighting) in recoveredStarts {
                text += row(found, adopt(process, sighting, on: "b", change))
            }
            text += "\n"
        }
        for (title, service) in [("a service", "web" as String?), ("a standalone action", nil)] {
            text += "## Of \(title), found by the next boot\n\n| stored as | becomes | does |\n|---|---|---|\n"
            for (name, change) in records {
                text += row(
                    name,
                    adopt(oneShot(), .notFound, on: "an earlier boot") {
                        change(&$0)
                        $0.service = service
                        $0.run = service == nil ? nil : 3
                        $0.process?.bootID = "an earlier boot"
                    }
                )
            }
            text += "\n"
        }
        return String(text.dropLast())
    }

    private static func adopt(
        _ action: ActionSpec,
        _ sighting: RecoveredJobStart,
        on boot: String,
        _ change: (inout JobRecord) -> Void
    ) -> (life: JobLifecycle, effects: [JobEffect]) {
        var record = JobTestDriver.record()
        record.phase = .running
        record.generation = 2
        record.executions = 1
        record.attempt = 1
        record.deadline = .init(moment: Moment(nanoseconds: 5_000_000_000), bootID: boot)
        change(&record)
        return JobLifecycle.adopt(record, sighting, JobTestDriver(action).context)
    }

    private static func row(_ first: String, _ result: (life: JobLifecycle, effects: [JobEffect])) -> String {
        let effects = result.effects.map(Self.name).joined(separator: ", ")
        return "| \(first) | \(name(result.life.phase)) | \(effects.isEmpty ? "-" : effects) |\n"
    }

    // MARK: Words

    private static func name(_ phase: JobLifecycle.Phase) -> String {
        switch phase {
        case .pending: "pending"
        case .preparing: "clearing"
        case .launching: "launching"
        case .starting: "starting"
        case .ready: "up"
        case .runningOnce: "working"
        case .stopping(let stopping): stopping.nextStep == .finish ? "stopping" : "stopping, then the next try"
        case .backingOff: "backing off"
        case .finished(.succeeded): "over: succeeded"
        case .finished(.failed): "over: failed"
        case .finished(.cancelled): "over: cancelled"
        }
    }

    private static func name(_ effect: JobEffect) -> String {
        switch effect {
        case .launch: "launch"
        case .removeSocket: "remove the socket"
        case .signal(_, let signal): "signal \(signal)"
        case .killTree: "kill the tree"
        case .startProbe: "ask"
        case .stopProbe: "stop asking"
        case .removeRuntimeFiles: "forget"
        case .recordEvent(_, let text): "note: \(text)"
        }
    }
}

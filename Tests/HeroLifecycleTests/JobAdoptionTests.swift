import HeroLifecycle
import HeroModel
import Testing

@Suite("Job adoption")
struct JobAdoptionTests {
    private let boot = "b"

    private func record(_ change: (inout JobRecord) -> Void) -> JobRecord {
        var record = JobTestDriver.record()
        record.phase = .running
        record.generation = 4
        record.executions = 3
        record.restartCount = 2
        record.attempt = 1
        change(&record)
        return record
    }

    private func adopt(
        _ action: ActionSpec,
        _ record: JobRecord,
        _ found: RecoveredStart
    ) -> (lifecycle: JobLifecycle, effects: [JobEffect]) {
        JobLifecycle.adopt(record, found, JobTestDriver(action).context)
    }

    private func runningStart(_ pid: Int32?) -> RecoveredStart {
        .supervised(
            generation: 4,
            process: pid.map(JobTestDriver.identity),
            at: Moment(nanoseconds: 1_000_000_000),
            time: WallTime(microseconds: 0)
        )
    }

    @Test("An adopted job that runs as recorded continues without effects")
    func continuesRunningJob() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isReady = true
        }
        let (lifecycle, effects) = adopt(JobTestDriver.process(), record, runningStart(9))
        #expect(effects == [])
        #expect(lifecycle.isUp)
        #expect(lifecycle.record.restartCount == 2)
    }

    @Test("An adopted job whose main process was replaced keeps its execution")
    func mainProcessReplaced() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isReady = true
        }
        let (lifecycle, effects) = adopt(JobTestDriver.process(), record, runningStart(10))
        #expect(effects == [])
        #expect(lifecycle.isUp)
        #expect(lifecycle.record.process == JobTestDriver.identity(10))
        #expect(lifecycle.record.executions == 3)
        #expect(lifecycle.record.restartCount == 2)
    }

    @Test("An execution that began without a reconciler is counted once")
    func countedOnce() {
        let (lifecycle, _) = adopt(JobTestDriver.process(), record { $0.process = nil }, runningStart(9))
        #expect(lifecycle.record.executions == 4)
        #expect(lifecycle.record.restartCount == 3)
    }

    @Test("An earlier start that is still ending is awaited before the recorded start is repeated")
    func earlierStartIsEnding() {
        let record = record {
            $0.process = nil
            $0.generation = 5
        }
        var (lifecycle, effects) = adopt(JobTestDriver.process(), record, runningStart(9))
        #expect(effects == [] && !lifecycle.isUp)
        #expect(lifecycle.record.generation == 4 && lifecycle.record.process == nil)
        let report = EndReport(outcome: .exited(1), time: nil, executed: nil)
        _ = lifecycle.handle(.start(generation: 4, .ended(report)), JobTestDriver(JobTestDriver.process()).context)
        #expect(lifecycle.record.phase == .retrying)
    }

    @Test("A job that ended without a reconciler gets its exact outcome and restarts (SH-3)")
    func exactEnd() {
        let record = record { $0.process = JobTestDriver.identity(9) }
        let (lifecycle, _) = adopt(
            JobTestDriver.process(),
            record,
            .ended(generation: 4, .exited(42), executed: true, time: WallTime(microseconds: 5))
        )
        #expect(lifecycle.record.phase == .retrying)
        #expect(lifecycle.record.outcome == .exited(42))
        #expect(lifecycle.record.executions == 3)
        #expect(lifecycle.record.finishedAt == WallTime(microseconds: 5))
    }

    @Test("A stored start that never happened is launched with a new generation (FP-ST-3)")
    func launchesStoredStartAgain() {
        let record = record { $0.deadline = .init(moment: Moment(nanoseconds: 2_000_000_000), bootID: boot) }
        for found in [
            RecoveredStart.notFound, .ended(generation: 3, .exited(1), executed: true, time: nil),
        ] {
            let (lifecycle, effects) = adopt(JobTestDriver.process(), record, found)
            #expect(effects == [.launch(generation: 5)])
            #expect(lifecycle.record.executions == 3)
        }
    }

    @Test("A job whose first start never happened becomes pending again")
    func neverStarted() {
        let record = record {
            $0.generation = 1
            $0.executions = 0
            $0.restartCount = 0
        }
        let (lifecycle, effects) = adopt(JobTestDriver.process(), record, .notFound)
        #expect(effects == [])
        #expect(lifecycle.phase == .pending)
    }

    @Test("A running job is lost after a reboot and never succeeded (ID-3)")
    func reboot() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.deadline = .init(moment: Moment(nanoseconds: 2_000_000_000), bootID: "another")
        }
        let (lifecycle, _) = adopt(JobTestDriver.oneShot(), record, .notFound)
        #expect(lifecycle.record.phase == .failed)
        guard case .lost = lifecycle.record.outcome else {
            Issue.record("the outcome was invented: \(String(describing: lifecycle.record.outcome))")
            return
        }
    }

    @Test("A stopping job is signalled again and keeps its deadline (FP-SP-2)")
    func stopping() {
        let deadline = Moment(nanoseconds: 3_000_000_000)
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isStopping = true
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        let (lifecycle, effects) = adopt(JobTestDriver.process(), record, runningStart(9))
        #expect(effects == [.signal(JobTestDriver.identity(9), .term)])
        #expect(lifecycle.deadline == deadline)
    }

    @Test("A waiting job keeps its deadline on this boot and fails on another boot (RS-3)")
    func waiting() {
        let deadline = Moment(nanoseconds: 9_000_000_000)
        let record = record {
            $0.phase = .retrying
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        #expect(adopt(JobTestDriver.process(), record, .notFound).lifecycle.deadline == deadline)
        var other = record
        other.deadline?.bootID = "another"
        #expect(adopt(JobTestDriver.process(), other, .notFound).lifecycle.phase == .finished(.failed))
    }

    @Test("RS-3: A blocked start keeps its deadline unless it passed or the boot changed")
    func blockedStart() {
        let deadline = Moment(nanoseconds: 9_000_000_000)
        let record = record {
            $0.phase = .waiting
            $0.executions = 0
            $0.process = nil
            $0.error = "tcp 80 is held"
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        var (lifecycle, effects) = adopt(JobTestDriver.process(), record, .notFound)
        #expect(effects == [])
        #expect(lifecycle.deadline == deadline && !lifecycle.needsBlockerCheck)
        #expect(lifecycle.record.phase == .waiting && lifecycle.record.error == "tcp 80 is held")
        #expect(lifecycle.record.nextRetryAt != nil)
        var context = JobTestDriver(JobTestDriver.process()).context
        context.now = deadline
        _ = lifecycle.handle(.deadlineReached, context)
        #expect(lifecycle.needsBlockerCheck)
        var other = record
        other.deadline?.bootID = "another"
        #expect(adopt(JobTestDriver.process(), other, .notFound).lifecycle.phase == .pending)
        other.deadline = .init(moment: Moment(nanoseconds: 1), bootID: boot)
        #expect(adopt(JobTestDriver.process(), other, .notFound).lifecycle.phase == .pending)
    }

    @Test("A program without its shim is stopped and not started twice (SH-4)")
    func shimLost() {
        let record = record { $0.process = JobTestDriver.identity(9) }
        let found = RecoveredStart.shimLost(
            generation: 4,
            process: JobTestDriver.identity(9),
            at: Moment(nanoseconds: 0),
            time: WallTime(microseconds: 0)
        )
        let (lifecycle, effects) = adopt(JobTestDriver.process(), record, found)
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(9), .term)])
        #expect(lifecycle.record.executions == 3)
    }
}

import HeroLifecycle
import HeroModel
import Testing

@Suite("A job that is taken up by the next reconciler")
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
        _ sighting: RecoveredJobStart
    ) -> (life: JobLifecycle, effects: [JobEffect]) {
        JobLifecycle.adopt(record, sighting, JobTestDriver(action).context)
    }

    private func runningStart(_ pid: Int32?) -> RecoveredJobStart {
        .supervised(
            generation: 4,
            process: pid.map(JobTestDriver.identity),
            at: Moment(nanoseconds: 1_000_000_000),
            time: WallTime(microseconds: 0)
        )
    }

    @Test("and runs as recorded goes on untouched")
    func untouched() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isReady = true
        }
        let (life, effects) = adopt(JobTestDriver.process(), record, runningStart(9))
        #expect(effects == [])
        #expect(life.isUp)
        #expect(life.record.restartCount == 2)
    }

    @Test("and forked away while nobody looked is the same execution, under its new process")
    func handedOver() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isReady = true
        }
        let (life, effects) = adopt(JobTestDriver.process(), record, runningStart(10))
        #expect(effects == [])
        #expect(life.isUp)
        #expect(life.record.process == JobTestDriver.identity(10))
        #expect(life.record.executions == 3)
        #expect(life.record.restartCount == 2)
    }

    @Test("and executed while nobody looked is counted once")
    func countedOnce() {
        let (life, _) = adopt(JobTestDriver.process(), record { $0.process = nil }, runningStart(9))
        #expect(life.record.executions == 4)
        #expect(life.record.restartCount == 3)
    }

    @Test("and ended while nobody looked takes its exact end, and heals by its policy (SH-3)")
    func exactEnd() {
        let record = record { $0.process = JobTestDriver.identity(9) }
        let (life, _) = adopt(
            JobTestDriver.process(),
            record,
            .ended(generation: 4, .exited(42), executed: true, time: WallTime(microseconds: 5))
        )
        #expect(life.record.phase == .retrying)
        #expect(life.record.outcome == .exited(42))
        #expect(life.record.executions == 3)
        #expect(life.record.finishedAt == WallTime(microseconds: 5))
    }

    @Test("and was to be started again when the reconciler was killed is started with a new generation (FP-ST-3)")
    func relaunched() {
        let record = record { $0.deadline = .init(moment: Moment(nanoseconds: 2_000_000_000), bootID: boot) }
        for sighting in [
            RecoveredJobStart.notFound, .ended(generation: 3, .exited(1), executed: true, time: nil),
        ] {
            let (life, effects) = adopt(JobTestDriver.process(), record, sighting)
            #expect(effects == [.launch(generation: 5)])
            #expect(life.record.executions == 3)
        }
    }

    @Test("and was never started asks its service again")
    func neverStarted() {
        let record = record {
            $0.generation = 1
            $0.executions = 0
            $0.restartCount = 0
        }
        let (life, effects) = adopt(JobTestDriver.process(), record, .notFound)
        #expect(effects == [])
        #expect(life.phase == .pending)
    }

    @Test("after a reboot is lost, never a success (ID-3)")
    func reboot() {
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.deadline = .init(moment: Moment(nanoseconds: 2_000_000_000), bootID: "another")
        }
        let (life, _) = adopt(JobTestDriver.oneShot(), record, .notFound)
        #expect(life.record.phase == .failed)
        guard case .lost = life.record.outcome else {
            Issue.record("the end was invented: \(String(describing: life.record.outcome))")
            return
        }
    }

    @Test("and was being stopped is told again, and keeps its deadline (FP-SP-2)")
    func stopping() {
        let deadline = Moment(nanoseconds: 3_000_000_000)
        let record = record {
            $0.process = JobTestDriver.identity(9)
            $0.isStopping = true
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        let (life, effects) = adopt(JobTestDriver.process(), record, runningStart(9))
        #expect(effects == [.signal(JobTestDriver.identity(9), .term)])
        #expect(life.deadline == deadline)
    }

    @Test(
        "and waits for its next try keeps its deadline on this boot, and comes back with its service on another (RS-3)"
    )
    func waiting() {
        let deadline = Moment(nanoseconds: 9_000_000_000)
        let record = record {
            $0.phase = .retrying
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        #expect(adopt(JobTestDriver.process(), record, .notFound).life.deadline == deadline)
        var other = record
        other.deadline?.bootID = "another"
        #expect(adopt(JobTestDriver.process(), other, .notFound).life.phase == .finished(.failed))
    }

    @Test("RS-3: and waits for what is in its way keeps its deadline, unless that has passed or is of another boot")
    func inTheWay() {
        let deadline = Moment(nanoseconds: 9_000_000_000)
        let record = record {
            $0.phase = .waiting
            $0.executions = 0
            $0.process = nil
            $0.error = "tcp 80 is held"
            $0.deadline = .init(moment: deadline, bootID: boot)
        }
        var (life, effects) = adopt(JobTestDriver.process(), record, .notFound)
        #expect(effects == [])
        #expect(life.deadline == deadline && !life.needsBlockerCheck)
        #expect(life.record.phase == .waiting && life.record.error == "tcp 80 is held")
        #expect(life.record.nextRetryAt != nil)
        var context = JobTestDriver(JobTestDriver.process()).context
        context.now = deadline
        _ = life.handle(.deadlineReached, context)
        #expect(life.needsBlockerCheck)
        var other = record
        other.deadline?.bootID = "another"
        #expect(adopt(JobTestDriver.process(), other, .notFound).life.phase == .pending)
        other.deadline = .init(moment: Moment(nanoseconds: 1), bootID: boot)
        #expect(adopt(JobTestDriver.process(), other, .notFound).life.phase == .pending)
    }

    @Test("without its shim is ended, not left alone and not started twice (SH-4)")
    func orphan() {
        let record = record { $0.process = JobTestDriver.identity(9) }
        let sighting = RecoveredJobStart.shimLost(
            generation: 4,
            process: JobTestDriver.identity(9),
            at: Moment(nanoseconds: 0),
            time: WallTime(microseconds: 0)
        )
        let (life, effects) = adopt(JobTestDriver.process(), record, sighting)
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(9), .term)])
        #expect(life.record.executions == 3)
    }
}

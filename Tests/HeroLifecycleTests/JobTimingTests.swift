import HeroLifecycle
import HeroModel
import HeroRandom
import Testing

/// Deadlines and delays of a reconciler that is late, was killed, or shares its machine with many programs.
@Suite("Job timing")
struct JobTimingTests {
    private static let server = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    // MARK: Delays

    @Test("RS-1: Every retry delay is within its jitter, also after the maximum delay")
    func curve() {
        let policy = RetryPolicy(maxAttempts: 0)
        let expected: [Double] = [0.5, 1, 2, 4, 8, 16] + Array(repeating: 30, count: 200)
        var random = SeededGenerator(1)
        for (index, seconds) in expected.enumerated() {
            for value in [0, 0.999_999] + (0..<50).map({ _ in random.nextUnit() }) {
                let delay = Double(policy.delay(afterAttempt: index + 1, random: value).wholeNanoseconds) / 1e9
                #expect(
                    delay >= seconds * 0.9 - 1e-6 && delay <= seconds * 1.1 + 1e-6,
                    "attempt \(index + 1): \(delay)"
                )
            }
        }
        #expect(policy.delay(afterAttempt: .max, random: 0.5) == .seconds(30))
    }

    @Test("RS-1: A program that fails at once is tried about 25 times in ten minutes")
    func tenMinutes() {
        for number in 1...200 as ClosedRange<UInt64> {
            var random = SeededGenerator(number)
            var job = JobTestDriver(JobTestDriver.process { $0.retry.jitter = 0.1 })
            let end = job.now + .seconds(600)
            job.startJob()
            while job.now < end {
                job.random = random.nextUnit()
                job.reportEnd(.exited(1))
                job.now = job.lifecycle.deadline ?? end
                guard job.now < end else { break }
                job.handle(.deadlineReached)
                job.reportStart()
            }
            // 0.5 + 1 + 2 + 4 + 8 + 16 s, and then every 30 s.
            #expect(
                (24...28).contains(job.lifecycle.record.executions),
                "\(job.lifecycle.record.executions), seed \(number)"
            )
        }
    }

    @Test("RS-1: With `restart: always` exit code 0 is delayed like any other end")
    func delaysSuccess() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        for milliseconds in [500, 1000, 2000] {
            job.reportEnd(.exited(0))
            #expect(job.lifecycle.deadline == job.now + .milliseconds(milliseconds))
            job.now = job.lifecycle.deadline ?? job.now
            job.handle(.deadlineReached)
            job.reportStart()
        }
        job.advance(.seconds(10))
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.deadline == job.now + .milliseconds(500))
    }

    @Test("RS-1: After two minutes at most 10 of 200 failing programs start within 100 ms")
    func failuresSpread() {
        let policy = RetryPolicy(maxAttempts: 0)
        for number in 1...5 as ClosedRange<UInt64> {
            var random = SeededGenerator(number)
            var starts: [Int64] = []
            for _ in 0..<200 {
                var now: Int64 = 0
                var attempt = 1
                while now < 1_800_000 {
                    now += policy.delay(afterAttempt: attempt, random: random.nextUnit()).wholeMilliseconds
                    attempt += 1
                    starts.append(now)
                }
            }
            // In the first minutes the programs are still close together.
            starts = starts.filter { $0 > 120_000 }.sorted()
            var first = starts.startIndex
            var most = 0
            for (index, start) in starts.enumerated() {
                while starts[first] <= start - 100 { first += 1 }
                most = max(most, index - first + 1)
            }
            #expect(most <= 10, "\(most) in one 100 ms, seed \(number)")
        }
    }

    // MARK: Deadlines on record

    /// A job that backs off when its reconciler is killed.
    private func waiting(_ action: ActionSpec, attempts: Int = 1) -> JobTestDriver {
        var job = JobTestDriver(action)
        job.startJob()
        for _ in 1..<attempts {
            job.reportEnd(.exited(1))
            job.now = job.lifecycle.deadline ?? job.now
            job.handle(.deadlineReached)
            job.reportStart()
        }
        job.reportEnd(.exited(1))
        return job
    }

    @Test(
        "RS-3: A new reconciler retries exactly at the stored deadline",
        arguments: [0, 1, 25, 50, 99, 100, 250] as [Int]
    )
    func storedDeadline(percent: Int) {
        for attempts in 1...8 {
            var job = waiting(Self.server, attempts: attempts)
            let deadline = job.lifecycle.deadline ?? job.now
            let delay = deadline - job.now
            job.now = job.now + delay * Double(percent) / 100
            for _ in 0..<3 {
                // No number of restarts of the reconciler changes the deadline.
                let (lifecycle, effects) = JobLifecycle.adopt(job.lifecycle.record, .notFound, job.context)
                #expect(effects == [] && lifecycle.record.phase == .retrying)
                #expect(lifecycle.deadline == deadline && lifecycle.record.attempt == attempts)
                let displayed = Int64(lifecycle.record.nextRetryAt?.microseconds ?? 0)
                if percent <= 100 {
                    #expect(
                        abs(displayed - deadline.nanoseconds / 1000) <= 1,
                        "the displayed time must be the deadline"
                    )
                }
                job.lifecycle = lifecycle
            }
            if percent < 100 {
                #expect(job.handle(.deadlineReached) == [], "not before the deadline")
                job.now = deadline
            }
            #expect(job.handle(.deadlineReached).withoutEvents == [.launch(generation: UInt32(attempts) + 1)])
        }
    }

    @Test("RS-3: A refused start keeps its deadline after a restart of the reconciler")
    func storedRefusal() {
        var job = waiting(JobTestDriver.process())
        job.now = job.lifecycle.deadline ?? job.now
        job.handle(.deadlineReached)
        job.reportEnd(.startFailed(StartFailure(stage: .fork, errno: 11, detail: "no pids left")), executed: false)
        let deadline = job.lifecycle.deadline
        job.advance(.milliseconds(250))
        let (lifecycle, _) = JobLifecycle.adopt(job.lifecycle.record, .notFound, job.context)
        #expect(deadline != nil && lifecycle.deadline == deadline)
    }

    @Test("RS-3: A stored deadline is void on a new boot")
    func newBoot() {
        let job = waiting(JobTestDriver.process())
        var context = job.context
        context.bootID = "another"
        context.now = Moment(nanoseconds: 1)
        let (lifecycle, _) = JobLifecycle.adopt(job.lifecycle.record, .notFound, context)
        #expect(lifecycle.isIdle && lifecycle.deadline == nil && lifecycle.record.nextRetryAt == nil)
    }

    @Test("RS-3: A stored deadline is limited to the longest delay of the policy")
    func limitsStoredDeadline() {
        let job = waiting(JobTestDriver.process())
        var record = job.lifecycle.record
        record.deadline = .init(moment: job.now + .seconds(100_000), bootID: "b")
        let (lifecycle, _) = JobLifecycle.adopt(record, .notFound, job.context)
        #expect(lifecycle.deadline == job.now + .seconds(30))
    }

    // MARK: Missed deadlines

    @Test("TM-2: A missed start deadline leads to one more probe before the decision")
    func stoppedDuringStart() {
        for late in [Duration.milliseconds(1), .seconds(1), .seconds(4), .seconds(60), .seconds(86_400)] {
            var job = JobTestDriver(
                JobTestDriver.process {
                    $0.tcpPorts = [BoundPort(port: 80)]
                    $0.startTimeout = .seconds(2)
                }
            )
            job.startJob()
            job.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
            job.advance(.seconds(2) + late)
            #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)], "\(late)")
            job.handle(.probeSucceeded(generation: 1, serial: 2))
            #expect(job.lifecycle.isUp)
        }
    }

    @Test("TM-2: A process that stays unready after a missed deadline is stopped 5 s later")
    func neverReady() {
        var job = JobTestDriver(Self.server)
        job.startJob()
        job.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
        job.advance(.seconds(90))
        let resumedAt = job.now
        job.handle(.deadlineReached)
        var serial: UInt64 = 2
        while case .starting = job.lifecycle.phase, job.now - resumedAt < .seconds(60) {
            job.handle(.probeFailed(generation: 1, serial: serial, "not yet"))
            job.now = job.lifecycle.deadline ?? job.now
            if case .startProbe(_, let next, _)? = job.handle(.deadlineReached).withoutEvents.first { serial = next }
        }
        #expect(job.lifecycle.record.error == "was not ready within 30s: not yet")
        #expect(job.now - resumedAt == .seconds(5))
    }

    @Test("TM-2: A launch is not killed at a missed deadline before its record is read")
    func stoppedDuringLaunch() {
        var job = JobTestDriver(JobTestDriver.process { $0.startTimeout = .seconds(2) })
        job.handle(.startRequested)
        job.advance(.seconds(60))
        #expect(job.handle(.deadlineReached) == [])
        job.reportStart()
        #expect(job.lifecycle.isUp)
    }

    @Test("TM-2: After a suspend starting and stopping jobs get their whole time again")
    func suspended() {
        var starting = JobTestDriver(JobTestDriver.process())
        starting.handle(.startRequested)
        starting.advance(.seconds(3600))
        #expect(starting.handle(.machineSlept) == [] && starting.handle(.deadlineReached) == [])
        #expect(starting.lifecycle.deadline == starting.now + .seconds(30))

        var stopping = JobTestDriver(JobTestDriver.process())
        stopping.startJob()
        stopping.handle(.stopRequested)
        stopping.advance(.seconds(3600))
        #expect(stopping.handle(.machineSlept) == [] && stopping.handle(.deadlineReached) == [])
        stopping.advance(.seconds(10))
        #expect(stopping.handle(.deadlineReached).withoutEvents == [.killTree(generation: 1)])
        // A process that was killed once gets no extension from another suspend.
        let deadline = stopping.lifecycle.deadline
        #expect(stopping.handle(.machineSlept) == [] && stopping.lifecycle.deadline == deadline)
    }

    // MARK: Skipped probes

    @Test("RX-1, RX-2: A skipped health probe is neither a failure nor a success", arguments: 0...2)
    func skippedHealthProbe(failures: Int) {
        var job = JobTestDriver(
            JobTestDriver.process { $0.health = Probe(.exec(["check"]), interval: .seconds(10), failures: 3) }
        )
        job.startJob()
        var serial: UInt64 = 0
        func ask(_ job: inout JobTestDriver) -> UInt64 {
            job.now = job.lifecycle.deadline ?? job.now
            guard case .startProbe(_, let serial, .health)? = job.handle(.deadlineReached).withoutEvents.first else {
                return 0
            }
            return serial
        }
        for _ in 0..<failures {
            serial = ask(&job)
            job.handle(.probeFailed(generation: 1, serial: serial, "refused"))
        }
        let healthy = job.lifecycle.record.isHealthy
        for time in 1...20 {
            serial = ask(&job)
            let effects = job.handle(.probeSkipped(generation: 1, serial: serial, "cannot fork"))
            #expect(effects.count == (time == 1 ? 1 : 0), "only the first one records an event")
            #expect(job.lifecycle.isUp && job.lifecycle.record.isHealthy == healthy)
            #expect(job.lifecycle.deadline == job.now + .seconds(10))
        }
        // The earlier failures still count.
        for left in (0..<(3 - failures)).reversed() {
            serial = ask(&job)
            job.handle(.probeFailed(generation: 1, serial: serial, "refused"))
            #expect(job.lifecycle.isUp == (left > 0))
        }
    }

    @Test("RX-1: Skipped readiness probes do not fail a start")
    func skippedReadinessProbe() {
        var job = JobTestDriver(Self.server)
        job.startJob()
        var serial: UInt64 = 1
        let end = job.now + .seconds(300)
        while job.now < end {
            job.handle(.probeSkipped(generation: 1, serial: serial, "no descriptor is left"))
            job.now = job.lifecycle.deadline ?? end
            if case .startProbe(_, let next, _)? = job.handle(.deadlineReached).withoutEvents.first { serial = next }
            guard case .starting = job.lifecycle.phase else { break }
        }
        #expect(job.now >= end)
        job.now = job.lifecycle.deadline ?? end
        guard case .startProbe(_, let last, .readiness)? = job.handle(.deadlineReached).withoutEvents.first else {
            Issue.record("no probe was started")
            return
        }
        job.handle(.probeSucceeded(generation: 1, serial: last))
        #expect(job.lifecycle.isUp)
        #expect(job.handle(.probeSkipped(generation: 1, serial: serial, "late")) == [], "an old probe does not count")
    }

    // MARK: Processes that survive SIGKILL

    @Test("TR-2: Processes that survive SIGKILL are named, and no start precedes their end")
    func survivors() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        job.handle(.stopRequested)
        let report = JobEvent.survivedKill(generation: 1, ["pid 7 (web, state D)"])
        #expect(job.handle(report) == [], "no kill was sent yet")
        for kill in 1...3 {
            job.now = job.lifecycle.deadline ?? job.now
            #expect(job.handle(.deadlineReached).withoutEvents == [.killTree(generation: 1)])
            #expect(job.lifecycle.isStuck == (kill > 1))
        }
        #expect(job.handle(report) == [.recordEvent(.error, "still waits for pid 7 (web, state D)")])
        #expect(job.handle(report) == [])
        #expect(job.lifecycle.record.error == "it waits for pid 7 (web, state D), still running although it was killed")
        #expect(
            job.lifecycle.record.phase == .running && job.lifecycle.record.isStopping && !job.lifecycle.isIdle
        )
        job.reportEnd(.signaled(.kill, coreDumped: false))
        #expect(job.lifecycle.phase == .finished(.cancelled) && job.lifecycle.record.error == nil)
    }
}

extension SeededGenerator {
    /// The next number from 0 to just below 1.
    fileprivate mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

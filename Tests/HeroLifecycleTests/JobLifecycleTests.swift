import HeroLifecycle
import HeroModel
import Testing

@Suite("Job lifecycle")
struct JobLifecycleTests {
    @Test("A process without probes and ports is ready as soon as it executes")
    func simpleProcess() {
        var job = JobTestDriver(JobTestDriver.process())
        #expect(job.handle(.startRequested).withoutEvents == [.launch(generation: 1)])
        #expect(job.lifecycle.record.phase == .running)
        #expect(!job.lifecycle.isUp)
        job.reportStart()
        #expect(job.lifecycle.isUp)
        #expect(job.lifecycle.record.isReady)
        #expect(job.lifecycle.record.restartCount == 0)
    }

    @Test("A crashed process restarts in the same job with a higher restart count (RS-2)")
    func restartsAfterCrash() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        let id = job.lifecycle.record.id
        #expect(job.reportEnd(.signaled(.kill, coreDumped: false)).withoutEvents == [.stopProbe])
        #expect(job.lifecycle.record.phase == .retrying)
        #expect(job.lifecycle.deadline == job.now + .milliseconds(500))
        #expect(job.handle(.deadlineReached) == [])
        job.advance(.milliseconds(500))
        #expect(job.handle(.deadlineReached) == [.launch(generation: 2)])
        job.reportStart()
        #expect(job.lifecycle.record.id == id)
        #expect(job.lifecycle.record.restartCount == 1)
        #expect(job.lifecycle.isUp)
    }

    @Test("A process with a retry delay of zero is launched again at once")
    func noDelay() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        job.startJob()
        #expect(job.reportEnd(.exited(1)).withoutEvents == [.stopProbe, .launch(generation: 2)])
    }

    @Test("The retry delay grows to a limit and resets after a stable time (RS-1)")
    func backoff() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.maxDelay = .seconds(3) })
        job.startJob()
        var delays: [Duration] = []
        for _ in 0..<5 {
            job.reportEnd(.exited(1))
            delays.append((job.lifecycle.deadline ?? job.now) - job.now)
            job.now = job.lifecycle.deadline ?? job.now
            job.handle(.deadlineReached)
            job.reportStart()
        }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(3), .seconds(3)])
        job.advance(.seconds(10))
        job.reportEnd(.exited(1))
        #expect(job.lifecycle.deadline == job.now + .milliseconds(500))
    }

    @Test("A retry delay varies within its jitter (RS-1)", arguments: [(0.0, 450), (0.5, 500), (1.0, 550)])
    func jitter(random: Double, milliseconds: Int) {
        let delay = RetryPolicy(maxAttempts: 0).delay(afterAttempt: 1, random: random)
        #expect(delay.wholeMilliseconds == Int64(milliseconds))
    }

    @Test("Executions count, and starts that failed before the execution do not (RS-2)")
    func countsExecutions() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        job.handle(.startRequested)
        let failure = StartFailure(stage: .execute, errno: 13, detail: "not executable")
        job.reportEnd(.startFailed(failure), executed: false)
        job.reportEnd(.startFailed(failure), executed: false)
        #expect(job.lifecycle.record.restartCount == 0)
        job.reportStart()
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.record.executions == 1)
        job.reportStart()
        #expect(job.lifecycle.record.restartCount == 1)
    }

    @Test("An execution whose end arrives before its start is counted")
    func endBeforeStart() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        job.handle(.startRequested)
        job.reportEnd(.exited(0), executed: true)
        #expect(job.lifecycle.record.executions == 1)
    }

    @Test("A job fails with the reason after its last attempt")
    func givesUp() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 2 })
        job.startJob()
        job.reportEnd(.exited(3))
        job.now = job.lifecycle.deadline ?? job.now
        job.handle(.deadlineReached)
        job.reportStart()
        let effects = job.reportEnd(.exited(3))
        #expect(effects.contains(.removeRuntimeFiles))
        #expect(job.lifecycle.phase == .finished(.failed))
        #expect(job.lifecycle.record.error == "exit code 3")
    }

    @Test(
        "The restart policy decides whether an ended process restarts",
        arguments: [
            (RestartPolicy.always, 0, JobPhase.retrying), (.always, 1, .retrying), (.onFailure, 0, .succeeded),
            (.onFailure, 1, .retrying), (.never, 0, .succeeded), (.never, 1, .failed),
        ]
    )
    func policies(policy: RestartPolicy, code: Int, phase: JobPhase) {
        var job = JobTestDriver(JobTestDriver.process { $0.restart = policy })
        job.startJob()
        job.reportEnd(.exited(Int32(code)))
        #expect(job.lifecycle.record.phase == phase)
    }

    @Test("A one-shot is up after success and fails at the first error by default")
    func oneShot() {
        var job = JobTestDriver(JobTestDriver.oneShot())
        job.startJob()
        #expect(!job.lifecycle.isUp)
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.isUp)
        #expect(job.lifecycle.record.phase == .succeeded)

        var failing = JobTestDriver(JobTestDriver.oneShot())
        failing.startJob()
        failing.reportEnd(.exited(1))
        #expect(failing.lifecycle.record.phase == .failed)
    }

    @Test("An unknown outcome never counts as success (I2)")
    func unknownOutcome() {
        var job = JobTestDriver(JobTestDriver.oneShot())
        job.startJob()
        job.reportEnd(.lost("its shim was killed"))
        #expect(job.lifecycle.record.phase == .failed)
        #expect(job.lifecycle.record.outcome == .lost("its shim was killed"))
    }

    @Test("A one-shot that exceeds its timeout is stopped and fails")
    func timeout() {
        var job = JobTestDriver(JobTestDriver.oneShot { $0.timeout = .seconds(5) })
        job.startJob()
        job.advance(.seconds(5))
        #expect(
            job.handle(.deadlineReached).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        job.reportEnd(.signaled(.term, coreDumped: false))
        #expect(job.lifecycle.record.phase == .failed)
        #expect(job.lifecycle.record.error == "ran longer than its timeout of 5s")
    }

    @Test("A one-shot whose timeout is removed in place runs on")
    func removedTimeout() {
        var job = JobTestDriver(JobTestDriver.oneShot { $0.timeout = .seconds(2) })
        job.startJob()
        job.action.timeout = nil
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == nil)
        // What is added counts from now on.
        job.advance(.seconds(5))
        job.action.timeout = .seconds(2)
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == job.now + .seconds(2))
    }

    @Test("Failures in a row count until the job is stable or is tried again")
    func failuresInRow() {
        var job = JobTestDriver(JobTestDriver.process())
        #expect(job.lifecycle.failuresInRow == 0)
        job.startJob()
        for count in 1...3 {
            #expect(job.lifecycle.failuresInRow == count - 1)
            job.reportEnd(.exited(3))
            #expect(job.lifecycle.failuresInRow == count)
            job.reachDeadline()
            job.reportStart()
        }
        job.reportEnd(.exited(3))
        job.handle(.retryRequested)
        #expect(job.lifecycle.failuresInRow == 0)
        job.reportStart()
        job.advance(.seconds(60))
        job.reportEnd(.exited(3))
        #expect(job.lifecycle.failuresInRow == 0)
    }

    @Test("Events of an earlier generation are ignored (RS-5)")
    func staleEvents() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        job.startJob()
        job.reportEnd(.exited(1))
        let before = job.lifecycle
        #expect(job.handle(.ended(generation: 1, .exited(0), executed: true, time: nil)) == [])
        #expect(job.handle(.probeSucceeded(generation: 1, serial: 1)) == [])
        #expect(job.lifecycle == before)
    }
}

@Suite("Readiness")
struct ReadinessTests {
    private static let listening = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    @Test("The listening check runs at growing intervals until the process is ready")
    func probesUntilReady() {
        var job = JobTestDriver(Self.listening)
        job.handle(.startRequested)
        #expect(job.reportStart().withoutEvents == [.startProbe(generation: 1, serial: 1, .readiness)])
        job.handle(.probeFailed(generation: 1, serial: 1, "does not listen"))
        #expect(job.lifecycle.deadline == job.now + .milliseconds(20))
        job.now = job.lifecycle.deadline ?? job.now
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)])
        job.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(job.lifecycle.isUp)
    }

    @Test("A readiness probe uses its interval, start period and number of successes")
    func probe() {
        var job = JobTestDriver(
            JobTestDriver.process {
                var probe = Probe(.tcp(TCPEndpoint(port: 80)))
                probe.startPeriod = .seconds(2)
                probe.successes = 2
                $0.ready = probe
            }
        )
        job.handle(.startRequested)
        #expect(job.reportStart().withoutEvents == [])
        job.advance(.seconds(2))
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 1, .readiness)])
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(!job.lifecycle.isUp)
        #expect(job.lifecycle.deadline == job.now + .milliseconds(250))
        job.advance(.milliseconds(250))
        job.handle(.deadlineReached)
        job.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(job.lifecycle.isUp)
    }

    @Test("A process that is not ready in time is stopped and retried (RS-6)")
    func startTimeout() {
        var job = JobTestDriver(Self.listening)
        job.startJob()
        let end = job.now + .seconds(30)
        var serial: UInt64 = 1
        job.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        while let deadline = job.lifecycle.deadline, deadline < end {
            job.now = deadline
            job.handle(.deadlineReached)
            serial += 1
            job.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        }
        job.now = end
        #expect(
            job.handle(.deadlineReached).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        job.reportEnd(.signaled(.term, coreDumped: false))
        #expect(job.lifecycle.record.phase == .retrying)
        #expect(job.lifecycle.record.error == "was not ready within 30s: does not listen on tcp 80 yet")
    }
}

@Suite("Stopping a job")
struct StoppingTests {
    @Test("A stop sends the signal, then kills the tree, and waits for its end (TR-3)")
    func stops() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        #expect(
            job.handle(.stopRequested).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        #expect(job.lifecycle.record.isStopping)
        job.advance(.seconds(10))
        #expect(job.handle(.deadlineReached).withoutEvents == [.killTree(generation: 1)])
        #expect(job.lifecycle.phase != .finished(.cancelled))
        #expect(job.reportEnd(.signaled(.kill, coreDumped: false)).contains(.removeRuntimeFiles))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    @Test("A job stopped during its launch is signalled as soon as its process is known")
    func whileLaunched() {
        var job = JobTestDriver(JobTestDriver.process())
        job.handle(.startRequested)
        #expect(job.handle(.stopRequested) == [])
        #expect(job.reportStart() == [.signal(JobTestDriver.identity(101), .term)])
        job.reportEnd(.signaled(.term, coreDumped: false))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    @Test("A stop before the launch cancels the job without a start")
    func launchCancelled() {
        var job = JobTestDriver(JobTestDriver.process())
        job.handle(.startRequested)
        job.handle(.stopRequested)
        #expect(job.handle(.launchCancelled(generation: 1)).withoutEvents == [.removeRuntimeFiles])
        #expect(job.lifecycle.phase == .finished(.cancelled))
        #expect(job.lifecycle.record.outcome == nil)
    }

    @Test("A serial stop cancels waiting jobs at once so that they cannot start")
    func waitingJobsStopFirst() {
        var waiting = JobTestDriver(JobTestDriver.process())
        waiting.startJob()
        waiting.reportEnd(.exited(1))
        var running = JobTestDriver(JobTestDriver.process())
        running.startJob()
        #expect(
            ServiceLifecycle.jobsToStop(
                [waiting.lifecycle, running.lifecycle, JobTestDriver(JobTestDriver.process()).lifecycle],
                order: .serial
            ) == [
                0, 2, 1,
            ]
        )
    }

    @Test("A job stopped while it backs off never starts again")
    func whileWaiting() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        job.reportEnd(.exited(1))
        job.handle(.stopRequested)
        job.advance(.seconds(60))
        #expect(job.handle(.deadlineReached) == [])
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    @Test("A stop request during a restart leaves the job stopped")
    func whileRecovering() {
        var job = JobTestDriver(JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] })
        job.startJob()
        job.advance(.seconds(30))
        job.handle(.deadlineReached)
        job.handle(.stopRequested)
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }
}

import HeroLifecycle
import HeroModel
import Testing

@Suite("A job")
struct JobLifecycleTests {
    @Test("is launched when it is ordered up, and is up once it executes if nothing else is declared")
    func simpleProcess() {
        var bench = JobTestDriver(JobTestDriver.process())
        #expect(bench.handle(.startRequested).withoutEvents == [.launch(generation: 1)])
        #expect(bench.lifecycle.record.phase == .running)
        #expect(!bench.lifecycle.isUp)
        bench.reportStart()
        #expect(bench.lifecycle.isUp)
        #expect(bench.lifecycle.record.isReady)
        #expect(bench.lifecycle.record.restartCount == 0)
    }

    @Test("that dies comes back in the same job with restart_count + 1 after its delay (RS-2)")
    func comesBack() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        let id = bench.lifecycle.record.id
        #expect(bench.reportEnd(.signaled(.kill, coreDumped: false)).withoutEvents == [.stopProbe])
        #expect(bench.lifecycle.record.phase == .retrying)
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(500))
        #expect(bench.handle(.deadlineReached) == [])
        bench.advance(.milliseconds(500))
        #expect(bench.handle(.deadlineReached) == [.launch(generation: 2)])
        bench.reportStart()
        #expect(bench.lifecycle.record.id == id)
        #expect(bench.lifecycle.record.restartCount == 1)
        #expect(bench.lifecycle.isUp)
    }

    @Test("with no delay is launched again at once")
    func noDelay() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        bench.startJob()
        #expect(bench.reportEnd(.exited(1)).withoutEvents == [.stopProbe, .launch(generation: 2)])
    }

    @Test("waits longer after each failure, up to a limit, and from the beginning once it was stable (RS-1)")
    func backoff() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.maxDelay = .seconds(3) })
        bench.startJob()
        var delays: [Duration] = []
        for _ in 0..<5 {
            bench.reportEnd(.exited(1))
            delays.append((bench.lifecycle.deadline ?? bench.now) - bench.now)
            bench.now = bench.lifecycle.deadline ?? bench.now
            bench.handle(.deadlineReached)
            bench.reportStart()
        }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(3), .seconds(3)])
        bench.advance(.seconds(10))
        bench.reportEnd(.exited(1))
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(500))
    }

    @Test("spreads its delays by its jitter, never beyond (RS-1)", arguments: [(0.0, 450), (0.5, 500), (1.0, 550)])
    func jitter(random: Double, milliseconds: Int) {
        let delay = RetryPolicy(maxAttempts: 0).delay(afterAttempt: 1, random: random)
        #expect(delay.wholeMilliseconds == Int64(milliseconds))
    }

    @Test("counts programs that were executed, not starts that were ordered (RS-2)")
    func countsExecutions() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        bench.handle(.startRequested)
        let failure = StartFailure(stage: .execute, errno: 13, detail: "not executable")
        bench.reportEnd(.startFailed(failure), executed: false)
        bench.reportEnd(.startFailed(failure), executed: false)
        #expect(bench.lifecycle.record.restartCount == 0)
        bench.reportStart()
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.record.executions == 1)
        bench.reportStart()
        #expect(bench.lifecycle.record.restartCount == 1)
    }

    @Test("whose program was over before its start was seen counts it all the same")
    func endBeforeStart() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        bench.handle(.startRequested)
        bench.reportEnd(.exited(0), executed: true)
        #expect(bench.lifecycle.record.executions == 1)
    }

    @Test("gives up when its attempts are spent, and says why")
    func givesUp() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 2 })
        bench.startJob()
        bench.reportEnd(.exited(3))
        bench.now = bench.lifecycle.deadline ?? bench.now
        bench.handle(.deadlineReached)
        bench.reportStart()
        let effects = bench.reportEnd(.exited(3))
        #expect(effects.contains(.removeRuntimeFiles))
        #expect(bench.lifecycle.phase == .finished(.failed))
        #expect(bench.lifecycle.record.error == "exit code 3")
    }

    @Test(
        "is started again or not as its policy says",
        arguments: [
            (RestartPolicy.always, 0, JobPhase.retrying), (.always, 1, .retrying), (.onFailure, 0, .succeeded),
            (.onFailure, 1, .retrying), (.never, 0, .succeeded), (.never, 1, .failed),
        ]
    )
    func policies(policy: RestartPolicy, code: Int, phase: JobPhase) {
        var bench = JobTestDriver(JobTestDriver.process { $0.restart = policy })
        bench.startJob()
        bench.reportEnd(.exited(Int32(code)))
        #expect(bench.lifecycle.record.phase == phase)
    }

    @Test("that is a one-shot is up when it ended well, and fails at once by default")
    func oneShot() {
        var bench = JobTestDriver(JobTestDriver.oneShot())
        bench.startJob()
        #expect(!bench.lifecycle.isUp)
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.isUp)
        #expect(bench.lifecycle.record.phase == .succeeded)

        var unlucky = JobTestDriver(JobTestDriver.oneShot())
        unlucky.startJob()
        unlucky.reportEnd(.exited(1))
        #expect(unlucky.lifecycle.record.phase == .failed)
    }

    @Test("never takes an unknown end for success (I2)")
    func lost() {
        var bench = JobTestDriver(JobTestDriver.oneShot())
        bench.startJob()
        bench.reportEnd(.lost("its shim was killed"))
        #expect(bench.lifecycle.record.phase == .failed)
        #expect(bench.lifecycle.record.outcome == .lost("its shim was killed"))
    }

    @Test("that runs longer than its timeout is stopped and fails")
    func timeout() {
        var bench = JobTestDriver(JobTestDriver.oneShot { $0.timeout = .seconds(5) })
        bench.startJob()
        bench.advance(.seconds(5))
        #expect(
            bench.handle(.deadlineReached).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        bench.reportEnd(.signaled(.term, coreDumped: false))
        #expect(bench.lifecycle.record.phase == .failed)
        #expect(bench.lifecycle.record.error == "ran longer than its timeout of 5s")
    }

    @Test("forgets answers and ends of an earlier generation (RS-5)")
    func staleEvents() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.delay = .zero })
        bench.startJob()
        bench.reportEnd(.exited(1))
        let before = bench.lifecycle
        #expect(bench.handle(.ended(generation: 1, .exited(0), executed: true, time: nil)) == [])
        #expect(bench.handle(.probeSucceeded(generation: 1, serial: 1)) == [])
        #expect(bench.lifecycle == before)
    }
}

@Suite("A job that must become ready")
struct ReadinessTests {
    private static let listening = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    @Test("is asked at once, again after a growing while, and is up at the first yes")
    func asks() {
        var bench = JobTestDriver(Self.listening)
        bench.handle(.startRequested)
        #expect(bench.reportStart().withoutEvents == [.startProbe(generation: 1, serial: 1, .readiness)])
        bench.handle(.probeFailed(generation: 1, serial: 1, "does not listen"))
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(20))
        bench.now = bench.lifecycle.deadline ?? bench.now
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)])
        bench.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(bench.lifecycle.isUp)
    }

    @Test("keeps to the interval, the start period and the successes of its probe")
    func probe() {
        var bench = JobTestDriver(
            JobTestDriver.process {
                var probe = Probe(.tcp(TCPEndpoint(port: 80)))
                probe.startPeriod = .seconds(2)
                probe.successes = 2
                $0.ready = probe
            }
        )
        bench.handle(.startRequested)
        #expect(bench.reportStart().withoutEvents == [])
        bench.advance(.seconds(2))
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 1, .readiness)])
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(!bench.lifecycle.isUp)
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(250))
        bench.advance(.milliseconds(250))
        bench.handle(.deadlineReached)
        bench.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(bench.lifecycle.isUp)
    }

    @Test("is stopped and tried again when its time to start is over, with the last reason (RS-6)")
    func startTimeout() {
        var bench = JobTestDriver(Self.listening)
        bench.startJob()
        let end = bench.now + .seconds(30)
        var serial: UInt64 = 1
        bench.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        while let deadline = bench.lifecycle.deadline, deadline < end {
            bench.now = deadline
            bench.handle(.deadlineReached)
            serial += 1
            bench.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        }
        bench.now = end
        #expect(
            bench.handle(.deadlineReached).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        bench.reportEnd(.signaled(.term, coreDumped: false))
        #expect(bench.lifecycle.record.phase == .retrying)
        #expect(bench.lifecycle.record.error == "was not ready within 30s: does not listen on tcp 80 yet")
    }
}

@Suite("A job that is ordered down")
struct StoppingTests {
    @Test("gets its signal, then a kill of its tree, and is over when the tree is gone (TR-3)")
    func stops() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        #expect(
            bench.handle(.stopRequested).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)]
        )
        #expect(bench.lifecycle.record.isStopping)
        bench.advance(.seconds(10))
        #expect(bench.handle(.deadlineReached).withoutEvents == [.killTree(generation: 1)])
        #expect(bench.lifecycle.phase != .finished(.cancelled))
        #expect(bench.reportEnd(.signaled(.kill, coreDumped: false)).contains(.removeRuntimeFiles))
        #expect(bench.lifecycle.phase == .finished(.cancelled))
    }

    @Test("while it is launched gets its signal as soon as its program is known")
    func whileLaunched() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.handle(.startRequested)
        #expect(bench.handle(.stopRequested) == [])
        #expect(bench.reportStart() == [.signal(JobTestDriver.identity(101), .term)])
        bench.reportEnd(.signaled(.term, coreDumped: false))
        #expect(bench.lifecycle.phase == .finished(.cancelled))
    }

    @Test("before its launch was carried out is over at once, and nothing is started")
    func calledOff() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.handle(.startRequested)
        bench.handle(.stopRequested)
        #expect(bench.handle(.launchCancelled(generation: 1)).withoutEvents == [.removeRuntimeFiles])
        #expect(bench.lifecycle.phase == .finished(.cancelled))
        #expect(bench.lifecycle.record.outcome == nil)
    }

    @Test("in serial order takes what waits for its next try along at once, so that it cannot start meanwhile")
    func waitingOnesGoFirst() {
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

    @Test("while it waits for its next try never starts again")
    func whileWaiting() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        bench.reportEnd(.exited(1))
        bench.handle(.stopRequested)
        bench.advance(.seconds(60))
        #expect(bench.handle(.deadlineReached) == [])
        #expect(bench.lifecycle.phase == .finished(.cancelled))
    }

    @Test("while it is stopped for another reason stays down")
    func whileRecovering() {
        var bench = JobTestDriver(JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] })
        bench.startJob()
        bench.advance(.seconds(30))
        bench.handle(.deadlineReached)
        bench.handle(.stopRequested)
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.phase == .finished(.cancelled))
    }
}

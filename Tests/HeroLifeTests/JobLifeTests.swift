import HeroLife
import HeroModel
import Testing

@Suite("A job")
struct JobLifeTests {
    @Test("is launched when it is ordered up, and is up once it executes if nothing else is declared")
    func simpleProcess() {
        var bench = Bench(Bench.process())
        #expect(bench.handle(.orderedUp).deeds == [.launch(generation: 1)])
        #expect(bench.life.record.phase == .running)
        #expect(!bench.life.isUp)
        bench.start()
        #expect(bench.life.isUp)
        #expect(bench.life.record.isReady)
        #expect(bench.life.record.restartCount == 0)
    }

    @Test("that dies comes back in the same job with restart_count + 1 after its delay (RS-2)")
    func comesBack() {
        var bench = Bench(Bench.process())
        bench.bringUp()
        let id = bench.life.record.id
        #expect(bench.end(.signaled(.kill, coreDumped: false)).deeds == [.stopAsking])
        #expect(bench.life.record.phase == .retrying)
        #expect(bench.life.deadline == bench.now + .milliseconds(500))
        #expect(bench.handle(.woke) == [])
        bench.pass(.milliseconds(500))
        #expect(bench.handle(.woke) == [.launch(generation: 2)])
        bench.start()
        #expect(bench.life.record.id == id)
        #expect(bench.life.record.restartCount == 1)
        #expect(bench.life.isUp)
    }

    @Test("with no delay is launched again at once")
    func noDelay() {
        var bench = Bench(Bench.process { $0.retry.delay = .zero })
        bench.bringUp()
        #expect(bench.end(.exited(1)).deeds == [.stopAsking, .launch(generation: 2)])
    }

    @Test("waits longer after each failure, up to a limit, and from the beginning once it was stable (RS-1)")
    func backoff() {
        var bench = Bench(Bench.process { $0.retry.maxDelay = .seconds(3) })
        bench.bringUp()
        var delays: [Duration] = []
        for _ in 0..<5 {
            bench.end(.exited(1))
            delays.append((bench.life.deadline ?? bench.now) - bench.now)
            bench.now = bench.life.deadline ?? bench.now
            bench.handle(.woke)
            bench.start()
        }
        #expect(delays == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(3), .seconds(3)])
        bench.pass(.seconds(10))
        bench.end(.exited(1))
        #expect(bench.life.deadline == bench.now + .milliseconds(500))
    }

    @Test("spreads its delays by its jitter, never beyond (RS-1)", arguments: [(0.0, 450), (0.5, 500), (1.0, 550)])
    func jitter(random: Double, milliseconds: Int) {
        let delay = RetryPolicy(maxAttempts: 0).delay(afterAttempt: 1, random: random)
        #expect(delay.wholeMilliseconds == Int64(milliseconds))
    }

    @Test("counts programs that were executed, not starts that were ordered (RS-2)")
    func countsExecutions() {
        var bench = Bench(Bench.process { $0.retry.delay = .zero })
        bench.handle(.orderedUp)
        let failure = StartFailure(stage: .execute, errno: 13, detail: "not executable")
        bench.end(.startFailed(failure), executed: false)
        bench.end(.startFailed(failure), executed: false)
        #expect(bench.life.record.restartCount == 0)
        bench.start()
        bench.end(.exited(0))
        #expect(bench.life.record.executions == 1)
        bench.start()
        #expect(bench.life.record.restartCount == 1)
    }

    @Test("whose program was over before its start was seen counts it all the same")
    func endBeforeStart() {
        var bench = Bench(Bench.process { $0.retry.delay = .zero })
        bench.handle(.orderedUp)
        bench.end(.exited(0), executed: true)
        #expect(bench.life.record.executions == 1)
    }

    @Test("gives up when its attempts are spent, and says why")
    func givesUp() {
        var bench = Bench(Bench.process { $0.retry.maxAttempts = 2 })
        bench.bringUp()
        bench.end(.exited(3))
        bench.now = bench.life.deadline ?? bench.now
        bench.handle(.woke)
        bench.start()
        let effects = bench.end(.exited(3))
        #expect(effects.contains(.forget))
        #expect(bench.life.phase == .over(.failed))
        #expect(bench.life.record.error == "exit code 3")
    }

    @Test(
        "is started again or not as its policy says",
        arguments: [
            (RestartPolicy.always, 0, JobPhase.retrying), (.always, 1, .retrying), (.onFailure, 0, .succeeded),
            (.onFailure, 1, .retrying), (.never, 0, .succeeded), (.never, 1, .failed),
        ]
    )
    func policies(policy: RestartPolicy, code: Int, phase: JobPhase) {
        var bench = Bench(Bench.process { $0.restart = policy })
        bench.bringUp()
        bench.end(.exited(Int32(code)))
        #expect(bench.life.record.phase == phase)
    }

    @Test("that is a one-shot is up when it ended well, and fails at once by default")
    func oneShot() {
        var bench = Bench(Bench.oneShot())
        bench.bringUp()
        #expect(!bench.life.isUp)
        bench.end(.exited(0))
        #expect(bench.life.isUp)
        #expect(bench.life.record.phase == .succeeded)

        var unlucky = Bench(Bench.oneShot())
        unlucky.bringUp()
        unlucky.end(.exited(1))
        #expect(unlucky.life.record.phase == .failed)
    }

    @Test("never takes an unknown end for success (I2)")
    func lost() {
        var bench = Bench(Bench.oneShot())
        bench.bringUp()
        bench.end(.lost("its shim was killed"))
        #expect(bench.life.record.phase == .failed)
        #expect(bench.life.record.outcome == .lost("its shim was killed"))
    }

    @Test("that runs longer than its timeout is stopped and fails")
    func timeout() {
        var bench = Bench(Bench.oneShot { $0.timeout = .seconds(5) })
        bench.bringUp()
        bench.pass(.seconds(5))
        #expect(bench.handle(.woke).deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        bench.end(.signaled(.term, coreDumped: false))
        #expect(bench.life.record.phase == .failed)
        #expect(bench.life.record.error == "ran longer than its timeout of 5s")
    }

    @Test("forgets answers and ends of an earlier generation (RS-5)")
    func staleEvents() {
        var bench = Bench(Bench.process { $0.retry.delay = .zero })
        bench.bringUp()
        bench.end(.exited(1))
        let before = bench.life
        #expect(bench.handle(.ended(generation: 1, .exited(0), executed: true, time: nil)) == [])
        #expect(bench.handle(.answeredYes(generation: 1, serial: 1)) == [])
        #expect(bench.life == before)
    }
}

@Suite("A job that must become ready")
struct ReadinessTests {
    private static let listening = Bench.process { $0.tcpPorts = [BoundPort(port: 80)] }

    @Test("is asked at once, again after a growing while, and is up at the first yes")
    func asks() {
        var bench = Bench(Self.listening)
        bench.handle(.orderedUp)
        #expect(bench.start().deeds == [.ask(generation: 1, serial: 1, .readiness)])
        bench.handle(.answeredNo(generation: 1, serial: 1, "does not listen"))
        #expect(bench.life.deadline == bench.now + .milliseconds(20))
        bench.now = bench.life.deadline ?? bench.now
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 2, .readiness)])
        bench.handle(.answeredYes(generation: 1, serial: 2))
        #expect(bench.life.isUp)
    }

    @Test("keeps to the interval, the start period and the successes of its probe")
    func probe() {
        var bench = Bench(
            Bench.process {
                var probe = Probe(.tcp(TCPEndpoint(port: 80)))
                probe.startPeriod = .seconds(2)
                probe.successes = 2
                $0.ready = probe
            }
        )
        bench.handle(.orderedUp)
        #expect(bench.start().deeds == [])
        bench.pass(.seconds(2))
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 1, .readiness)])
        bench.handle(.answeredYes(generation: 1, serial: 1))
        #expect(!bench.life.isUp)
        #expect(bench.life.deadline == bench.now + .milliseconds(250))
        bench.pass(.milliseconds(250))
        bench.handle(.woke)
        bench.handle(.answeredYes(generation: 1, serial: 2))
        #expect(bench.life.isUp)
    }

    @Test("is stopped and tried again when its time to start is over, with the last reason (RS-6)")
    func startTimeout() {
        var bench = Bench(Self.listening)
        bench.bringUp()
        let end = bench.now + .seconds(30)
        var serial: UInt64 = 1
        bench.handle(.answeredNo(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        while let deadline = bench.life.deadline, deadline < end {
            bench.now = deadline
            bench.handle(.woke)
            serial += 1
            bench.handle(.answeredNo(generation: 1, serial: serial, "does not listen on tcp 80 yet"))
        }
        bench.now = end
        #expect(bench.handle(.woke).deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        bench.end(.signaled(.term, coreDumped: false))
        #expect(bench.life.record.phase == .retrying)
        #expect(bench.life.record.error == "was not ready within 30s: does not listen on tcp 80 yet")
    }
}

@Suite("A job that is ordered down")
struct StoppingTests {
    @Test("gets its signal, then a kill of its tree, and is over when the tree is gone (TR-3)")
    func stops() {
        var bench = Bench(Bench.process())
        bench.bringUp()
        #expect(bench.handle(.orderedDown).deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.isStopping)
        bench.pass(.seconds(10))
        #expect(bench.handle(.woke).deeds == [.killTree(generation: 1)])
        #expect(bench.life.phase != .over(.cancelled))
        #expect(bench.end(.signaled(.kill, coreDumped: false)).contains(.forget))
        #expect(bench.life.phase == .over(.cancelled))
    }

    @Test("while it is launched gets its signal as soon as its program is known")
    func whileLaunched() {
        var bench = Bench(Bench.process())
        bench.handle(.orderedUp)
        #expect(bench.handle(.orderedDown) == [])
        #expect(bench.start() == [.signal(Bench.identity(101), .term)])
        bench.end(.signaled(.term, coreDumped: false))
        #expect(bench.life.phase == .over(.cancelled))
    }

    @Test("before its launch was carried out is over at once, and nothing is started")
    func calledOff() {
        var bench = Bench(Bench.process())
        bench.handle(.orderedUp)
        bench.handle(.orderedDown)
        #expect(bench.handle(.calledOff(generation: 1)).deeds == [.forget])
        #expect(bench.life.phase == .over(.cancelled))
        #expect(bench.life.record.outcome == nil)
    }

    @Test("in serial order takes what waits for its next try along at once, so that it cannot start meanwhile")
    func waitingOnesGoFirst() {
        var waiting = Bench(Bench.process())
        waiting.bringUp()
        waiting.end(.exited(1))
        var running = Bench(Bench.process())
        running.bringUp()
        #expect(
            ServiceLife.nextDown([waiting.life, running.life, Bench(Bench.process()).life], order: .serial) == [
                0, 2, 1,
            ]
        )
    }

    @Test("while it waits for its next try never starts again")
    func whileWaiting() {
        var bench = Bench(Bench.process())
        bench.bringUp()
        bench.end(.exited(1))
        bench.handle(.orderedDown)
        bench.pass(.seconds(60))
        #expect(bench.handle(.woke) == [])
        #expect(bench.life.phase == .over(.cancelled))
    }

    @Test("while it is stopped for another reason stays down")
    func whileRecovering() {
        var bench = Bench(Bench.process { $0.tcpPorts = [BoundPort(port: 80)] })
        bench.bringUp()
        bench.pass(.seconds(30))
        bench.handle(.woke)
        bench.handle(.orderedDown)
        bench.end(.exited(0))
        #expect(bench.life.phase == .over(.cancelled))
    }
}

import HeroLife
import HeroModel
import Testing

private func health(_ change: (inout Probe) -> Void = { _ in }) -> Probe {
    var probe = Probe(.exec(["check"]), interval: .seconds(10))
    change(&probe)
    return probe
}

/// Lets time pass until the job's deadline, and wakes it.
private func wake(_ bench: inout Bench) -> [JobEffect] {
    bench.now = bench.life.deadline ?? bench.now
    return bench.handle(.woke)
}

@Suite("A process that is up and has a health probe")
struct HealthTests {
    private static let watched = Bench.process { $0.health = health() }

    /// Asks, and answers no.
    private func refuse(_ bench: inout Bench, _ serial: UInt64) -> [JobEffect] {
        #expect(wake(&bench) == [.ask(generation: bench.life.record.generation, serial: serial, .health)])
        return bench.handle(.answeredNo(generation: bench.life.record.generation, serial: serial, "refused"))
    }

    @Test("is asked after its interval, one question at a time, and is healthy at a yes")
    func asks() {
        var bench = Bench(Self.watched)
        bench.bringUp()
        #expect(bench.life.record.isHealthy == nil)
        #expect(bench.life.deadline == bench.now + .seconds(10))
        #expect(wake(&bench) == [.ask(generation: 1, serial: 1, .health)])
        #expect(bench.life.deadline == nil, "an answer is awaited: nothing wakes it meanwhile")
        #expect(bench.handle(.woke) == [])
        #expect(bench.handle(.answeredYes(generation: 1, serial: 1)) == [])
        #expect(bench.life.record.isHealthy == true)
        #expect(bench.life.deadline == bench.now + .seconds(10))
    }

    @Test("is not asked before its start period is over")
    func startPeriod() {
        var bench = Bench(Bench.process { $0.health = health { $0.startPeriod = .seconds(60) } })
        bench.bringUp()
        #expect(bench.life.deadline == bench.now + .seconds(60))
    }

    @Test("is stopped after so many noes in a row, and comes back in the same job, counted as a crash (RS-2)")
    func restarts() {
        var bench = Bench(Self.watched)
        bench.bringUp()
        #expect(refuse(&bench, 1).deeds == [])
        #expect(bench.life.record.isHealthy == false && bench.life.isUp, "one no is no end")
        #expect(refuse(&bench, 2).deeds == [])
        #expect(refuse(&bench, 3).deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.error == "is not healthy: refused")
        let job = bench.life.record.id
        bench.end(.exited(0))
        #expect(bench.life.record.phase == .retrying)
        _ = wake(&bench)
        bench.start()
        #expect(bench.life.isUp && bench.life.record.id == job)
        #expect(bench.life.record.restartCount == 1 && bench.life.record.generation == 2)
        #expect(bench.life.record.isHealthy == nil)
    }

    @Test("has its noes counted from the beginning after a yes, and is healthy after as many as it must give")
    func recovers() {
        var bench = Bench(Bench.process { $0.health = health { $0.successes = 2 } })
        bench.bringUp()
        _ = refuse(&bench, 1)
        _ = refuse(&bench, 2)
        _ = wake(&bench)
        bench.handle(.answeredYes(generation: 1, serial: 3))
        #expect(bench.life.record.isHealthy == false)
        _ = refuse(&bench, 4)
        #expect(refuse(&bench, 5).deeds == [])
        for serial in [6, 7] as [UInt64] {
            _ = wake(&bench)
            bench.handle(.answeredYes(generation: 1, serial: serial))
        }
        #expect(bench.life.record.isHealthy == true && bench.life.record.error == nil)
    }

    @Test("its tries count from the beginning if it was up for long, and go on counting if it was not (RS-1)")
    func stability() {
        for (up, attempt) in [(Duration.seconds(1), 1), (.seconds(20), 0)] {
            var bench = Bench(
                Bench.process {
                    $0.health = health {
                        $0.interval = up
                        $0.failures = 1
                    }
                }
            )
            bench.bringUp()
            _ = refuse(&bench, 1)
            bench.end(.signaled(.term, coreDumped: false))
            #expect(bench.life.record.attempt == attempt)
        }
    }

    @Test("gives up where it is never to be restarted")
    func never() {
        var bench = Bench(
            Bench.process {
                $0.health = health { $0.failures = 1 }
                $0.restart = .never
            }
        )
        bench.bringUp()
        _ = refuse(&bench, 1)
        bench.end(.exited(0))
        #expect(bench.life.phase == .over(.failed))
        #expect(bench.life.record.error == "is not healthy: refused")
    }

    @Test("answers of another start, or to another question, change nothing (FP-PR-1)")
    func stale() {
        var bench = Bench(Bench.process { $0.health = health { $0.failures = 1 } })
        bench.bringUp()
        _ = wake(&bench)
        let before = bench.life
        #expect(bench.handle(.answeredNo(generation: 0, serial: 1, "late")) == [])
        #expect(bench.handle(.answeredNo(generation: 1, serial: 7, "late")) == [])
        #expect(bench.life == before)
        bench.handle(.answeredYes(generation: 1, serial: 1))
        #expect(bench.handle(.answeredNo(generation: 1, serial: 1, "twice")) == [])
        #expect(bench.life.isUp)
    }

    @Test("a late answer about its readiness is none about its health")
    func readinessIsNotHealth() {
        var bench = Bench(
            Bench.process {
                $0.ready = Probe(.unix("/s"))
                $0.health = health { $0.failures = 1 }
            }
        )
        bench.bringUp()
        bench.handle(.answeredYes(generation: 1, serial: 1))
        _ = wake(&bench)
        #expect(bench.handle(.answeredNo(generation: 1, serial: 1, "late")) == [])
        #expect(bench.life.isUp)
    }

    @Test("a probe that is changed in place counts from then on; one that is removed asks no more")
    func revised() {
        var bench = Bench(Self.watched)
        bench.bringUp()
        _ = refuse(&bench, 1)
        _ = wake(&bench)
        bench.action.health = health { $0.interval = .seconds(2) }
        #expect(bench.handle(.revised) == [.stopAsking])
        #expect(bench.life.deadline == bench.now + .seconds(2))
        #expect(bench.handle(.answeredNo(generation: 1, serial: 2, "late")) == [])
        bench.action.health = nil
        bench.handle(.revised)
        #expect(bench.life.deadline == nil && bench.life.record.isHealthy == nil)
        bench.action.health = health()
        bench.handle(.revised)
        #expect(bench.life.deadline == bench.now + .seconds(10))
    }

    @Test("a machine that was suspended gets one period of grace (TM-2)")
    func sleep() {
        var bench = Bench(Self.watched)
        bench.bringUp()
        _ = refuse(&bench, 1)
        _ = refuse(&bench, 2)
        _ = wake(&bench)
        bench.pass(.seconds(3600))
        #expect(bench.handle(.machineSlept) == [.stopAsking])
        #expect(bench.handle(.answeredNo(generation: 1, serial: 3, "did not answer in time")) == [])
        #expect(refuse(&bench, 4).deeds == [], "its noes count from the beginning")
        #expect(bench.life.isUp)
    }

    @Test("the next reconciler goes on asking, within one interval")
    func adopted() {
        var bench = Bench(Self.watched)
        bench.bringUp()
        _ = refuse(&bench, 1)
        let (life, effects) = JobLife.adopt(
            bench.life.record,
            .held(generation: 1, process: Bench.identity(101), at: bench.now, time: WallTime(microseconds: 0)),
            bench.context
        )
        #expect(effects == [] && life.isUp && life.record.isHealthy == false)
        #expect(life.deadline == bench.now + .seconds(5), "half of its interval, by the random number 0.5")
    }
}

@Suite("A process that is up and listens")
struct PresenceTests {
    private static let server = Bench.process { $0.tcpPorts = [BoundPort(port: 80)] }

    private func up() -> Bench {
        var bench = Bench(Self.server)
        bench.bringUp()
        bench.handle(.answeredYes(generation: 1, serial: 1))
        return bench
    }

    private func state(_ bench: Bench) -> ServiceState { ServiceLife.state([bench.life], isOrderedUp: true) }

    @Test("is looked at every ten seconds, at the same moments as all others")
    func looks() {
        var bench = up()
        #expect(bench.life.deadline == Moment(nanoseconds: 10_000_000_000))
        #expect(wake(&bench) == [.ask(generation: 1, serial: 2, .presence)])
        #expect(bench.handle(.answeredYes(generation: 1, serial: 2)) == [])
        #expect(bench.life.deadline == Moment(nanoseconds: 20_000_000_000))
    }

    @Test("is degraded when two looks find something gone, and running again when it is back")
    func degraded() {
        var bench = up()
        _ = wake(&bench)
        bench.handle(.answeredNo(generation: 1, serial: 2, "does not listen on tcp 80"))
        #expect(state(bench) == .running)
        #expect(bench.life.deadline == bench.now + .seconds(1))
        _ = wake(&bench)
        let effects = bench.handle(.answeredNo(generation: 1, serial: 3, "does not listen on tcp 80"))
        #expect(effects == [.note(.warning, "is degraded: it lives, but does not listen on tcp 80")])
        #expect(state(bench) == .degraded && bench.life.isUp)
        #expect(bench.life.record.error == "does not listen on tcp 80")
        _ = wake(&bench)
        bench.handle(.answeredYes(generation: 1, serial: 4))
        #expect(state(bench) == .running && bench.life.record.error == nil)
    }

    @Test("is not degraded by what was never there, where a probe of its own said that it is ready")
    func neverThere() {
        var bench = Bench(
            Bench.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.ready = Probe(.unix("/s"))
            }
        )
        bench.bringUp()
        bench.handle(.answeredYes(generation: 1, serial: 1))
        for serial in 2...5 as ClosedRange<UInt64> {
            _ = wake(&bench)
            bench.handle(.answeredNo(generation: 1, serial: serial, "does not listen on tcp 80"))
        }
        #expect(state(bench) == .running)
    }

    @Test("is not woken where nothing is declared")
    func nothing() {
        var bench = Bench(Bench.process())
        bench.bringUp()
        #expect(bench.life.deadline == nil)
    }

    @Test("is asked about health and ports one after the other")
    func both() {
        var bench = Bench(
            Bench.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.health = health { $0.interval = .seconds(9) }
            }
        )
        bench.bringUp()
        bench.handle(.answeredYes(generation: 1, serial: 1))
        bench.now = Moment(nanoseconds: 10_000_000_000)
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 2, .health)])
        #expect(bench.handle(.answeredYes(generation: 1, serial: 2)) == [.ask(generation: 1, serial: 3, .presence)])
        #expect(bench.handle(.answeredYes(generation: 1, serial: 3)) == [])
    }
}

@Suite("A start that the machine had no room for")
struct TransientTests {
    private static let refused = Outcome.startFailed(StartFailure(stage: .fork, errno: 11, detail: "no pids left"))

    @Test(
        "is tried again on the curve, without counting as a try or a restart (RS-4)",
        arguments: [11, 12, 23, 24, 26, 28, 110, 122] as [Int32]
    )
    func retries(_ number: Int32) {
        var bench = Bench(Bench.process { $0.retry.maxAttempts = 1 })
        bench.handle(.orderedUp)
        let outcome = Outcome.startFailed(StartFailure(stage: .fork, errno: number, detail: "no room"))
        for milliseconds in [500, 1000, 2000, 4000] {
            bench.end(outcome, executed: false)
            #expect(bench.life.record.attempt == 0 && bench.life.record.restartCount == 0)
            #expect(bench.life.record.error == "cannot fork: no room")
            #expect(bench.life.deadline == bench.now + .milliseconds(milliseconds))
            #expect(wake(&bench).deeds == [.launch(generation: bench.life.record.generation)])
        }
        bench.start()
        #expect(bench.life.isUp && bench.life.record.restartCount == 0 && bench.life.record.attempt == 1)
    }

    @Test("is not one that can never succeed: that counts")
    func permanent() {
        var bench = Bench(Bench.process { $0.retry.maxAttempts = 1 })
        bench.handle(.orderedUp)
        bench.end(.startFailed(StartFailure(stage: .execute, errno: 2, detail: "no such file")), executed: false)
        #expect(bench.life.phase == .over(.failed))
    }

    @Test("an apply skips the delay, and the curve begins anew (RS-1)")
    func hurried() {
        var bench = Bench(Bench.process())
        bench.bringUp()
        for _ in 0..<3 {
            bench.end(.exited(1))
            _ = wake(&bench)
            bench.start()
        }
        bench.end(.exited(1))
        #expect(bench.life.deadline == bench.now + .seconds(4))
        #expect(bench.handle(.hurried).deeds == [.launch(generation: 5)])
        bench.start()
        bench.end(.exited(1))
        #expect(bench.life.deadline == bench.now + .milliseconds(500))
        #expect(bench.life.record.restartCount == 4)
    }

    @Test("a reconciler that was held up asks once more before it judges a start as too slow")
    func heldUp() {
        var bench = Bench(Bench.process { $0.tcpPorts = [BoundPort(port: 80)] })
        bench.bringUp()
        bench.handle(.answeredNo(generation: 1, serial: 1, "not yet"))
        bench.pass(.seconds(90))
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 2, .readiness)])
        bench.handle(.answeredYes(generation: 1, serial: 2))
        #expect(bench.life.isUp)
    }
}

import HeroLifecycle
import HeroModel
import Testing

private func health(_ change: (inout Probe) -> Void = { _ in }) -> Probe {
    var probe = Probe(.exec(["check"]), interval: .seconds(10))
    change(&probe)
    return probe
}

/// Lets time pass until the job's deadline, and wakes it.
private func wake(_ bench: inout JobTestDriver) -> [JobEffect] {
    bench.now = bench.lifecycle.deadline ?? bench.now
    return bench.handle(.deadlineReached)
}

@Suite("A process that is up and has a health probe")
struct HealthTests {
    private static let watched = JobTestDriver.process { $0.health = health() }

    /// Asks, and answers no.
    private func refuse(_ bench: inout JobTestDriver, _ serial: UInt64) -> [JobEffect] {
        #expect(wake(&bench) == [.startProbe(generation: bench.lifecycle.record.generation, serial: serial, .health)])
        return bench.handle(.probeFailed(generation: bench.lifecycle.record.generation, serial: serial, "refused"))
    }

    @Test("is asked after its interval, one question at a time, and is healthy at a yes")
    func asks() {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        #expect(bench.lifecycle.record.isHealthy == nil)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(10))
        #expect(wake(&bench) == [.startProbe(generation: 1, serial: 1, .health)])
        #expect(bench.lifecycle.deadline == nil, "an answer is awaited: nothing wakes it meanwhile")
        #expect(bench.handle(.deadlineReached) == [])
        #expect(bench.handle(.probeSucceeded(generation: 1, serial: 1)) == [])
        #expect(bench.lifecycle.record.isHealthy == true)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(10))
    }

    @Test("is not asked before its start period is over")
    func startPeriod() {
        var bench = JobTestDriver(JobTestDriver.process { $0.health = health { $0.startPeriod = .seconds(60) } })
        bench.startJob()
        #expect(bench.lifecycle.deadline == bench.now + .seconds(60))
    }

    @Test("is stopped after so many noes in a row, and comes back in the same job, counted as a crash (RS-2)")
    func restarts() {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        #expect(refuse(&bench, 1).withoutEvents == [])
        #expect(bench.lifecycle.record.isHealthy == false && bench.lifecycle.isUp, "one no is no end")
        #expect(refuse(&bench, 2).withoutEvents == [])
        #expect(refuse(&bench, 3).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(bench.lifecycle.record.error == "is not healthy: refused")
        let job = bench.lifecycle.record.id
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.record.phase == .retrying)
        _ = wake(&bench)
        bench.reportStart()
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.id == job)
        #expect(bench.lifecycle.record.restartCount == 1 && bench.lifecycle.record.generation == 2)
        #expect(bench.lifecycle.record.isHealthy == nil)
    }

    @Test("has its noes counted from the beginning after a yes, and is healthy after as many as it must give")
    func recovers() {
        var bench = JobTestDriver(JobTestDriver.process { $0.health = health { $0.successes = 2 } })
        bench.startJob()
        _ = refuse(&bench, 1)
        _ = refuse(&bench, 2)
        _ = wake(&bench)
        bench.handle(.probeSucceeded(generation: 1, serial: 3))
        #expect(bench.lifecycle.record.isHealthy == false)
        _ = refuse(&bench, 4)
        #expect(refuse(&bench, 5).withoutEvents == [])
        for serial in [6, 7] as [UInt64] {
            _ = wake(&bench)
            bench.handle(.probeSucceeded(generation: 1, serial: serial))
        }
        #expect(bench.lifecycle.record.isHealthy == true && bench.lifecycle.record.error == nil)
    }

    @Test("its tries count from the beginning if it was up for long, and go on counting if it was not (RS-1)")
    func stability() {
        for (up, attempt) in [(Duration.seconds(1), 1), (.seconds(20), 0)] {
            var bench = JobTestDriver(
                JobTestDriver.process {
                    $0.health = health {
                        $0.interval = up
                        $0.failures = 1
                    }
                }
            )
            bench.startJob()
            _ = refuse(&bench, 1)
            bench.reportEnd(.signaled(.term, coreDumped: false))
            #expect(bench.lifecycle.record.attempt == attempt)
        }
    }

    @Test("gives up where it is never to be restarted")
    func never() {
        var bench = JobTestDriver(
            JobTestDriver.process {
                $0.health = health { $0.failures = 1 }
                $0.restart = .never
            }
        )
        bench.startJob()
        _ = refuse(&bench, 1)
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.phase == .finished(.failed))
        #expect(bench.lifecycle.record.error == "is not healthy: refused")
    }

    @Test("answers of another start, or to another question, change nothing (FP-PR-1)")
    func stale() {
        var bench = JobTestDriver(JobTestDriver.process { $0.health = health { $0.failures = 1 } })
        bench.startJob()
        _ = wake(&bench)
        let before = bench.lifecycle
        #expect(bench.handle(.probeFailed(generation: 0, serial: 1, "late")) == [])
        #expect(bench.handle(.probeFailed(generation: 1, serial: 7, "late")) == [])
        #expect(bench.lifecycle == before)
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(bench.handle(.probeFailed(generation: 1, serial: 1, "twice")) == [])
        #expect(bench.lifecycle.isUp)
    }

    @Test("a late answer about its readiness is none about its health")
    func readinessIsNotHealth() {
        var bench = JobTestDriver(
            JobTestDriver.process {
                $0.ready = Probe(.unix("/s"))
                $0.health = health { $0.failures = 1 }
            }
        )
        bench.startJob()
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        _ = wake(&bench)
        #expect(bench.handle(.probeFailed(generation: 1, serial: 1, "late")) == [])
        #expect(bench.lifecycle.isUp)
    }

    @Test("a probe that is changed in place counts from then on; one that is removed asks no more")
    func revised() {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        _ = refuse(&bench, 1)
        _ = wake(&bench)
        bench.action.health = health { $0.interval = .seconds(2) }
        #expect(bench.handle(.specChanged) == [.stopProbe])
        #expect(bench.lifecycle.deadline == bench.now + .seconds(2))
        #expect(bench.handle(.probeFailed(generation: 1, serial: 2, "late")) == [])
        bench.action.health = nil
        bench.handle(.specChanged)
        #expect(bench.lifecycle.deadline == nil && bench.lifecycle.record.isHealthy == nil)
        bench.action.health = health()
        bench.handle(.specChanged)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(10))
    }

    @Test("a machine that was suspended gets one period of grace (TM-2)")
    func sleep() {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        _ = refuse(&bench, 1)
        _ = refuse(&bench, 2)
        _ = wake(&bench)
        bench.advance(.seconds(3600))
        #expect(bench.handle(.machineSlept) == [.stopProbe])
        #expect(bench.handle(.probeFailed(generation: 1, serial: 3, "did not answer in time")) == [])
        #expect(refuse(&bench, 4).withoutEvents == [], "its noes count from the beginning")
        #expect(bench.lifecycle.isUp)
    }

    @Test("the next reconciler goes on asking, within one interval")
    func adopted() {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        _ = refuse(&bench, 1)
        let (life, effects) = JobLifecycle.adopt(
            bench.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: bench.now,
                time: WallTime(microseconds: 0)
            ),
            bench.context
        )
        #expect(effects == [] && life.isUp && life.record.isHealthy == false)
        #expect(life.deadline == bench.now + .seconds(5), "half of its interval, by the random number 0.5")
    }
}

@Suite("A process that is up and listens")
struct ListeningTests {
    private static let server = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    private func up() -> JobTestDriver {
        var bench = JobTestDriver(Self.server)
        bench.startJob()
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        return bench
    }

    private func state(_ bench: JobTestDriver) -> ServiceState {
        ServiceLifecycle.state([bench.lifecycle], isStartRequested: true)
    }

    @Test("is looked at every ten seconds, at the same moments as all others")
    func looks() {
        var bench = up()
        #expect(bench.lifecycle.deadline == Moment(nanoseconds: 10_000_000_000))
        #expect(wake(&bench) == [.startProbe(generation: 1, serial: 2, .listening)])
        #expect(bench.handle(.probeSucceeded(generation: 1, serial: 2)) == [])
        #expect(bench.lifecycle.deadline == Moment(nanoseconds: 20_000_000_000))
    }

    @Test("is degraded when two looks find something gone, and running again when it is back")
    func degraded() {
        var bench = up()
        _ = wake(&bench)
        bench.handle(.probeFailed(generation: 1, serial: 2, "does not listen on tcp 80"))
        #expect(state(bench) == .running)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(1))
        _ = wake(&bench)
        let effects = bench.handle(.probeFailed(generation: 1, serial: 3, "does not listen on tcp 80"))
        #expect(effects == [.recordEvent(.warning, "is degraded: it lives, but does not listen on tcp 80")])
        #expect(state(bench) == .degraded && bench.lifecycle.isUp)
        #expect(bench.lifecycle.record.error == "does not listen on tcp 80")
        _ = wake(&bench)
        bench.handle(.probeSucceeded(generation: 1, serial: 4))
        #expect(state(bench) == .running && bench.lifecycle.record.error == nil)
    }

    @Test("is not degraded by what was never there, where a probe of its own said that it is ready")
    func neverThere() {
        var bench = JobTestDriver(
            JobTestDriver.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.ready = Probe(.unix("/s"))
            }
        )
        bench.startJob()
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        for serial in 2...5 as ClosedRange<UInt64> {
            _ = wake(&bench)
            bench.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80"))
        }
        #expect(state(bench) == .running)
    }

    @Test("is not woken where nothing is declared")
    func nothing() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        #expect(bench.lifecycle.deadline == nil)
    }

    @Test("is asked about health and ports one after the other")
    func both() {
        var bench = JobTestDriver(
            JobTestDriver.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.health = health { $0.interval = .seconds(9) }
            }
        )
        bench.startJob()
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        bench.now = Moment(nanoseconds: 10_000_000_000)
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        #expect(
            bench.handle(.probeSucceeded(generation: 1, serial: 2)) == [
                .startProbe(generation: 1, serial: 3, .listening)
            ]
        )
        #expect(bench.handle(.probeSucceeded(generation: 1, serial: 3)) == [])
    }
}

@Suite("A start that the machine had no room for")
struct TemporaryStartRefusalTests {
    private static let refused = Outcome.startFailed(StartFailure(stage: .fork, errno: 11, detail: "no pids left"))

    @Test(
        "is tried again on the curve, without counting as a try or a restart (RS-4)",
        arguments: [11, 12, 23, 24, 26, 28, 110, 122] as [Int32]
    )
    func retries(_ number: Int32) {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 1 })
        bench.handle(.startRequested)
        let outcome = Outcome.startFailed(StartFailure(stage: .fork, errno: number, detail: "no room"))
        for milliseconds in [500, 1000, 2000, 4000] {
            bench.reportEnd(outcome, executed: false)
            #expect(bench.lifecycle.record.attempt == 0 && bench.lifecycle.record.restartCount == 0)
            #expect(bench.lifecycle.record.error == "cannot fork: no room")
            #expect(bench.lifecycle.deadline == bench.now + .milliseconds(milliseconds))
            #expect(wake(&bench).withoutEvents == [.launch(generation: bench.lifecycle.record.generation)])
        }
        bench.reportStart()
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.restartCount == 0 && bench.lifecycle.record.attempt == 1)
    }

    @Test("is not one that can never succeed: that counts")
    func permanent() {
        var bench = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 1 })
        bench.handle(.startRequested)
        bench.reportEnd(.startFailed(StartFailure(stage: .execute, errno: 2, detail: "no such file")), executed: false)
        #expect(bench.lifecycle.phase == .finished(.failed))
    }

    @Test("an apply skips the delay, and the curve begins anew (RS-1)")
    func hurried() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        for _ in 0..<3 {
            bench.reportEnd(.exited(1))
            _ = wake(&bench)
            bench.reportStart()
        }
        bench.reportEnd(.exited(1))
        #expect(bench.lifecycle.deadline == bench.now + .seconds(4))
        #expect(bench.handle(.retryRequested).withoutEvents == [.launch(generation: 5)])
        bench.reportStart()
        bench.reportEnd(.exited(1))
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(500))
        #expect(bench.lifecycle.record.restartCount == 4)
    }

    @Test("a reconciler that was held up asks once more before it judges a start as too slow")
    func heldUp() {
        var bench = JobTestDriver(JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] })
        bench.startJob()
        bench.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
        bench.advance(.seconds(90))
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)])
        bench.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(bench.lifecycle.isUp)
    }
}

import HeroLifecycle
import HeroModel
import Testing

private func health(_ change: (inout Probe) -> Void = { _ in }) -> Probe {
    var probe = Probe(.exec(["check"]), interval: .seconds(10))
    change(&probe)
    return probe
}

@Suite("Health probes")
struct HealthTests {
    private static let watched = JobTestDriver.process { $0.health = health() }

    /// Starts the health probe and reports its failure.
    private func failProbe(_ job: inout JobTestDriver, _ serial: UInt64) -> [JobEffect] {
        #expect(
            job.reachDeadline() == [.startProbe(generation: job.lifecycle.record.generation, serial: serial, .health)]
        )
        return job.handle(.probeFailed(generation: job.lifecycle.record.generation, serial: serial, "refused"))
    }

    @Test("Health probes run one at a time, each after the interval")
    func probesAfterInterval() {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        #expect(job.lifecycle.record.isHealthy == nil)
        #expect(job.lifecycle.deadline == job.now + .seconds(10))
        #expect(job.reachDeadline() == [.startProbe(generation: 1, serial: 1, .health)])
        #expect(job.lifecycle.deadline == nil, "there is no deadline while a probe runs")
        #expect(job.handle(.deadlineReached) == [])
        #expect(job.handle(.probeSucceeded(generation: 1, serial: 1)) == [])
        #expect(job.lifecycle.record.isHealthy == true)
        #expect(job.lifecycle.deadline == job.now + .seconds(10))
    }

    @Test("The first health probe starts after the start period")
    func startPeriod() {
        var job = JobTestDriver(JobTestDriver.process { $0.health = health { $0.startPeriod = .seconds(60) } })
        job.startJob()
        #expect(job.lifecycle.deadline == job.now + .seconds(60))
    }

    @Test("A process with too many failed health probes restarts in the same job (RS-2)")
    func restarts() {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        #expect(failProbe(&job, 1).withoutEvents == [])
        #expect(job.lifecycle.record.isHealthy == false && job.lifecycle.isUp, "one failure does not stop it")
        #expect(failProbe(&job, 2).withoutEvents == [])
        #expect(failProbe(&job, 3).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(job.lifecycle.record.error == "is not healthy: refused")
        let jobID = job.lifecycle.record.id
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.record.phase == .retrying)
        job.reachDeadline()
        job.reportStart()
        #expect(job.lifecycle.isUp && job.lifecycle.record.id == jobID)
        #expect(job.lifecycle.record.restartCount == 1 && job.lifecycle.record.generation == 2)
        #expect(job.lifecycle.record.isHealthy == nil)
    }

    @Test("A probe that only reports restarts nothing and causes one event for each change")
    func reports() {
        var job = JobTestDriver(JobTestDriver.process { $0.health = health { $0.reaction = .report } })
        job.startJob()
        #expect(failProbe(&job, 1) == [])
        #expect(failProbe(&job, 2) == [])
        #expect(job.lifecycle.record.isHealthy == nil)
        #expect(failProbe(&job, 3) == [.recordEvent(.warning, "is not healthy: refused")])
        #expect(job.lifecycle.record.isHealthy == false && job.lifecycle.record.error == "refused")
        #expect(job.lifecycle.isUp, "its dependents are not affected")
        #expect(failProbe(&job, 4) == [])
        job.reachDeadline()
        #expect(
            job.handle(.probeSucceeded(generation: 1, serial: 5)) == [.recordEvent(.info, "is healthy again")]
        )
        #expect(job.lifecycle.record.isHealthy == true && job.lifecycle.record.error == nil)
        #expect(failProbe(&job, 6) == [])
        #expect(job.lifecycle.record.restartCount == 0)
    }

    @Test("A success resets the failures, and enough successes make the process healthy")
    func recovers() {
        var job = JobTestDriver(JobTestDriver.process { $0.health = health { $0.successes = 2 } })
        job.startJob()
        _ = failProbe(&job, 1)
        _ = failProbe(&job, 2)
        job.reachDeadline()
        job.handle(.probeSucceeded(generation: 1, serial: 3))
        #expect(job.lifecycle.record.isHealthy == false)
        _ = failProbe(&job, 4)
        #expect(failProbe(&job, 5).withoutEvents == [])
        for serial in [6, 7] as [UInt64] {
            job.reachDeadline()
            job.handle(.probeSucceeded(generation: 1, serial: serial))
        }
        #expect(job.lifecycle.record.isHealthy == true && job.lifecycle.record.error == nil)
    }

    @Test("An unhealthy process that was ready for long resets its attempts (RS-1)")
    func stability() {
        for (up, attempt) in [(Duration.seconds(1), 1), (.seconds(20), 0)] {
            var job = JobTestDriver(
                JobTestDriver.process {
                    $0.health = health {
                        $0.interval = up
                        $0.failures = 1
                    }
                }
            )
            job.startJob()
            _ = failProbe(&job, 1)
            job.reportEnd(.signaled(.term, coreDumped: false))
            #expect(job.lifecycle.record.attempt == attempt)
        }
    }

    @Test("An unhealthy process with `restart: never` fails")
    func neverRestarts() {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.health = health { $0.failures = 1 }
                $0.restart = .never
            }
        )
        job.startJob()
        _ = failProbe(&job, 1)
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.failed))
        #expect(job.lifecycle.record.error == "is not healthy: refused")
    }

    @Test("Results of another start or another probe are ignored (FP-PR-1)")
    func stale() {
        var job = JobTestDriver(JobTestDriver.process { $0.health = health { $0.failures = 1 } })
        job.startJob()
        job.reachDeadline()
        let before = job.lifecycle
        #expect(job.handle(.probeFailed(generation: 0, serial: 1, "late")) == [])
        #expect(job.handle(.probeFailed(generation: 1, serial: 7, "late")) == [])
        #expect(job.lifecycle == before)
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(job.handle(.probeFailed(generation: 1, serial: 1, "twice")) == [])
        #expect(job.lifecycle.isUp)
    }

    @Test("A late readiness result does not count for health")
    func readinessIsNotHealth() {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.ready = Probe(.unix("/s"))
                $0.health = health { $0.failures = 1 }
            }
        )
        job.startJob()
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        job.reachDeadline()
        #expect(job.handle(.probeFailed(generation: 1, serial: 1, "late")) == [])
        #expect(job.lifecycle.isUp)
    }

    @Test("A changed health probe applies at once, a removed one stops")
    func specChanged() {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        _ = failProbe(&job, 1)
        job.reachDeadline()
        job.action.health = health { $0.interval = .seconds(2) }
        #expect(job.handle(.specChanged) == [.stopProbe])
        #expect(job.lifecycle.deadline == job.now + .seconds(2))
        #expect(job.handle(.probeFailed(generation: 1, serial: 2, "late")) == [])
        job.action.health = nil
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == nil && job.lifecycle.record.isHealthy == nil)
        job.action.health = health()
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == job.now + .seconds(10))
    }

    @Test("After a suspend the health failures count from the beginning (TM-2)")
    func suspended() {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        _ = failProbe(&job, 1)
        _ = failProbe(&job, 2)
        job.reachDeadline()
        job.advance(.seconds(3600))
        #expect(job.handle(.machineSlept) == [.stopProbe])
        #expect(job.handle(.probeFailed(generation: 1, serial: 3, "did not respond in time")) == [])
        #expect(failProbe(&job, 4).withoutEvents == [], "the failures count from the beginning")
        #expect(job.lifecycle.isUp)
    }

    @Test("A new reconciler continues the health probes within one interval")
    func adopted() {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        _ = failProbe(&job, 1)
        let (lifecycle, effects) = JobLifecycle.adopt(
            job.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: job.now,
                time: WallTime(microseconds: 0)
            ),
            job.context
        )
        #expect(effects == [] && lifecycle.isUp && lifecycle.record.isHealthy == false)
        #expect(lifecycle.deadline == job.now + .seconds(5), "half of its interval, by the random number 0.5")
    }
}

@Suite("Listening checks")
struct ListeningTests {
    private static let server = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    private func readyJob() -> JobTestDriver {
        var job = JobTestDriver(Self.server)
        job.startJob()
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        return job
    }

    private func serviceState(_ job: JobTestDriver) -> ServiceState {
        ServiceLifecycle.state([job.lifecycle], isStartRequested: true)
    }

    @Test("Listening sockets are checked every ten seconds, all jobs at the same time")
    func checksEveryTenSeconds() {
        var job = readyJob()
        #expect(job.lifecycle.deadline == Moment(nanoseconds: 10_000_000_000))
        #expect(job.reachDeadline() == [.startProbe(generation: 1, serial: 2, .listening)])
        #expect(job.handle(.probeSucceeded(generation: 1, serial: 2)) == [])
        #expect(job.lifecycle.deadline == Moment(nanoseconds: 20_000_000_000))
    }

    @Test("A process is degraded after two failed checks and running after a successful one")
    func degraded() {
        var job = readyJob()
        job.reachDeadline()
        job.handle(.probeFailed(generation: 1, serial: 2, "does not listen on tcp 80"))
        #expect(serviceState(job) == .running)
        #expect(job.lifecycle.deadline == job.now + .seconds(1))
        job.reachDeadline()
        let effects = job.handle(.probeFailed(generation: 1, serial: 3, "does not listen on tcp 80"))
        #expect(effects == [.recordEvent(.warning, "is degraded: it is running, but does not listen on tcp 80")])
        #expect(serviceState(job) == .degraded && job.lifecycle.isUp)
        #expect(job.lifecycle.record.error == "does not listen on tcp 80")
        job.reachDeadline()
        job.handle(.probeSucceeded(generation: 1, serial: 4))
        #expect(serviceState(job) == .running && job.lifecycle.record.error == nil)
    }

    @Test("A listener that never existed does not make a process degraded")
    func listenerNeverExisted() {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.ready = Probe(.unix("/s"))
            }
        )
        job.startJob()
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        for serial in 2...5 as ClosedRange<UInt64> {
            job.reachDeadline()
            job.handle(.probeFailed(generation: 1, serial: serial, "does not listen on tcp 80"))
        }
        #expect(serviceState(job) == .running)
    }

    @Test("A process without probes and listeners has no deadline")
    func withoutProbes() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        #expect(job.lifecycle.deadline == nil)
    }

    @Test("Health probe and listening check run one after the other")
    func healthAndListening() {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.tcpPorts = [BoundPort(port: 80)]
                $0.health = health { $0.interval = .seconds(9) }
            }
        )
        job.startJob()
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        job.now = Moment(nanoseconds: 10_000_000_000)
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        #expect(
            job.handle(.probeSucceeded(generation: 1, serial: 2)) == [
                .startProbe(generation: 1, serial: 3, .listening)
            ]
        )
        #expect(job.handle(.probeSucceeded(generation: 1, serial: 3)) == [])
    }
}

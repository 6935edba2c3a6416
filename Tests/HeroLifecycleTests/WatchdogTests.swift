import HeroLifecycle
import HeroModel
import Testing

@Suite("Watchdog")
struct WatchdogTests {
    private static let watched = JobTestDriver.process {
        $0.ready = Probe(.notify)
        $0.health = Probe(.watchdog(.seconds(30)))
    }

    private func readyJob() -> JobTestDriver {
        var job = JobTestDriver(Self.watched)
        job.startJob()
        reportPing(&job, nil)
        return job
    }

    /// Reports the time of the last ping.
    @discardableResult
    private func reportPing(_ job: inout JobTestDriver, _ ping: Moment?, limit: Duration? = .seconds(30)) -> [JobEffect]
    {
        job.notify { ($0.watchdog, $0.lastPing) = (limit, ping) }
    }

    /// Reaches the deadline and reports the state and the result of the health probe.
    private func checkWatchdog(_ job: inout JobTestDriver, _ serial: UInt64, _ ping: Moment?) -> [JobEffect] {
        #expect(
            job.reachDeadline() == [
                .startProbe(generation: job.lifecycle.record.generation, serial: serial, .health)
            ]
        )
        return reportPing(&job, ping)
            + job.handle(.probeSucceeded(generation: job.lifecycle.record.generation, serial: serial))
    }

    @Test("The watchdog is checked only when the next ping is due")
    func checksWhenDue() {
        var job = readyJob()
        let start = job.now
        #expect(job.lifecycle.deadline == start + .seconds(30) && job.lifecycle.record.isHealthy == nil)
        let ping = start + .seconds(20)
        #expect(checkWatchdog(&job, 2, ping) == [])
        #expect(job.lifecycle.deadline == ping + .seconds(30))
        #expect(job.lifecycle.record.isHealthy == true)
    }

    @Test("A watchdog that only reports restarts nothing, and a later ping ends it")
    func reports() {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.ready = Probe(.notify)
                $0.health = Probe(.watchdog(.seconds(30)), reaction: .report)
            }
        )
        job.startJob()
        reportPing(&job, nil)
        #expect(
            checkWatchdog(&job, 2, nil) == [
                .recordEvent(.warning, "is not healthy: it has not sent WATCHDOG=1 for 30s")
            ]
        )
        #expect(job.lifecycle.record.isHealthy == false && job.lifecycle.isUp)
        #expect(checkWatchdog(&job, 3, nil) == [], "one event for each change")
        job.advance(.seconds(1))
        #expect(checkWatchdog(&job, 4, job.now + .seconds(20)) == [.recordEvent(.info, "is healthy again")])
        #expect(job.lifecycle.record.isHealthy == true && job.lifecycle.record.restartCount == 0)
    }

    @Test("During a flood of messages a missing ping stops no process")
    func flood() {
        var job = readyJob()
        let ping = job.now + .seconds(1)
        _ = checkWatchdog(&job, 2, ping)
        // The flood lasts beyond the deadline: a ping may wait unread or may have been refused.
        job.reachDeadline()
        let flood = job.now
        let effects = job.notify { ($0.watchdog, $0.lastPing, $0.lastFlood) = (.seconds(30), ping, flood) }
        #expect(effects.count == 1, "one event: \(effects)")
        #expect(job.handle(.probeSucceeded(generation: job.lifecycle.record.generation, serial: 3)) == [])
        #expect(job.lifecycle.deadline == flood + .seconds(30))
        // After the flood the watchdog counts again.
        job.reachDeadline()
        _ = job.notify { ($0.watchdog, $0.lastPing, $0.lastFlood) = (.seconds(30), ping, flood) }
        let stop = job.handle(.probeSucceeded(generation: job.lifecycle.record.generation, serial: 4))
        #expect(stop.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
    }

    @Test("RS-5: A process without pings is stopped and restarts in the same job")
    func missingPings() {
        var job = readyJob()
        let ping = job.now + .seconds(1)
        _ = checkWatchdog(&job, 2, ping)
        let effects = checkWatchdog(&job, 3, ping)
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(job.lifecycle.record.error == "is not healthy: it has not sent WATCHDOG=1 for 30s")
        let jobID = job.lifecycle.record.id
        job.reportEnd(.signaled(.term, coreDumped: false))
        job.reachDeadline()
        job.reportStart()
        reportPing(&job, nil)
        #expect(job.lifecycle.isUp && job.lifecycle.record.id == jobID && job.lifecycle.record.restartCount == 1)
        #expect(job.lifecycle.deadline == job.now + .seconds(30), "pings of the last start do not count")
    }

    @Test("A ping counts at the time it was sent, even if it is read late")
    func pingReadLate() {
        var job = readyJob()
        let start = job.now
        job.now = start + .seconds(30)
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        // The state is read before the deadline and the probe ends after it.
        job.advance(.seconds(3))
        var state = NotifyState(asOf: start + .seconds(29))
        (state.isReady, state.watchdog) = (true, .seconds(30))
        job.handle(.notified(generation: 1, state))
        #expect(
            job.handle(.probeSucceeded(generation: 1, serial: 2)) == [.startProbe(generation: 1, serial: 3, .health)]
        )
        #expect(job.lifecycle.isUp)
    }

    @Test("After a missed watchdog check the process gets 5 s for a ping")
    func missedCheck() {
        var job = readyJob()
        job.advance(.seconds(300))
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        reportPing(&job, nil)
        #expect(job.handle(.probeSucceeded(generation: 1, serial: 2)) == [])
        #expect(job.lifecycle.deadline == job.now + .seconds(5))
        #expect(checkWatchdog(&job, 3, nil).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
    }

    @Test("A failed read of the watchdog state does not stop the process")
    func unreadable() {
        var job = readyJob()
        job.reachDeadline()
        job.handle(.probeFailed(generation: 1, serial: 2, "its notify state cannot be read"))
        #expect(job.lifecycle.isUp && job.lifecycle.deadline == job.now + .seconds(1))
    }

    @Test("A program can change its watchdog interval and trigger the watchdog")
    func programChangesWatchdog() {
        var job = readyJob()
        let start = job.now
        reportPing(&job, nil, limit: .seconds(5))
        #expect(job.lifecycle.deadline == start + .seconds(5))
        let effects = job.notify { ($0.watchdog, $0.hasTriggeredWatchdog) = (.seconds(5), true) }
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(job.lifecycle.record.error == "is not healthy: it sent WATCHDOG=trigger")
    }

    @Test("After a suspend or an adoption the watchdog gets one more interval (TM-2)")
    func extraInterval() {
        var job = readyJob()
        job.advance(.seconds(3600))
        job.handle(.machineSlept)
        #expect(job.lifecycle.deadline == job.now + .seconds(30))
        let (lifecycle, _) = JobLifecycle.adopt(
            job.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: job.now,
                time: WallTime(microseconds: 0)
            ),
            job.context
        )
        job.lifecycle = lifecycle
        #expect(job.lifecycle.deadline == nil, "its watchdog interval is not known yet")
        reportPing(&job, Moment(nanoseconds: 1))
        #expect(job.lifecycle.deadline == job.now + .seconds(30))
    }

    @Test("An added watchdog counts from the next start, a removed one stops at once")
    func specChanged() {
        var job = JobTestDriver(JobTestDriver.process { $0.ready = Probe(.notify) })
        job.startJob()
        reportPing(&job, nil, limit: nil)
        job.action = Self.watched
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == nil && job.lifecycle.isUp)
        job = readyJob()
        reportPing(&job, job.now)
        job.action.health = nil
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == nil && job.lifecycle.record.isHealthy == nil)
        #expect(job.notify { $0.hasTriggeredWatchdog = true } == [], "the watchdog was removed")
    }

    @Test("Pings do not shorten the time of a reload or an announced stop")
    func announced() {
        var job = readyJob()
        job.notify { ($0.watchdog, $0.isReloading) = (.seconds(30), true) }
        #expect(job.lifecycle.deadline == job.now + .seconds(30))
        job.notify { ($0.watchdog, $0.isStopping) = (.seconds(30), true) }
        #expect(job.lifecycle.deadline == job.now + .seconds(10))
    }
}

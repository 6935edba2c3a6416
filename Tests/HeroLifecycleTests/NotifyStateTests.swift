import HeroLifecycle
import HeroModel
import Testing

extension JobTestDriver {
    /// The program has said this by now, and nothing else.
    @discardableResult
    fileprivate mutating func notify(_ change: (inout NotifyState) -> Void) -> [JobEffect] {
        var report = NotifyState(asOf: now)
        report.isReady = true
        change(&report)
        return handle(.notified(generation: lifecycle.record.generation, report))
    }

    /// Lets time pass until the job's deadline, and wakes it.
    fileprivate mutating func reachDeadline() -> [JobEffect] {
        now = lifecycle.deadline ?? now
        return handle(.deadlineReached)
    }
}

@Suite("A process that says itself when it is ready")
struct NotifyStateTests {
    private static let notifyingProcess = JobTestDriver.process {
        $0.ready = Probe(.notify)
        $0.startTimeout = .seconds(30)
        $0.stop.timeout = .seconds(10)
    }

    private func up(_ action: ActionSpec = notifyingProcess) -> JobTestDriver {
        var bench = JobTestDriver(action)
        bench.startJob()
        bench.advance(.seconds(2))
        bench.notify { _ in }
        return bench
    }

    private func state(_ bench: JobTestDriver) -> ServiceState {
        ServiceLifecycle.state([bench.lifecycle], isStartRequested: true)
    }

    @Test("RS-6: is not up before it says READY=1, and up at that moment")
    func ready() {
        var bench = JobTestDriver(Self.notifyingProcess)
        bench.startJob()
        #expect(!bench.lifecycle.isUp)
        bench.notify { $0.isReady = false }
        #expect(!bench.lifecycle.isUp && state(bench) == .starting)
        bench.advance(.milliseconds(1500))
        #expect(bench.notify { _ in } == [.stopProbe, .recordEvent(.info, "ready after 1500ms")])
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.isReady && state(bench) == .running)
        #expect(bench.lifecycle.deadline == nil, "nothing wakes it any more")
    }

    @Test("is stopped and tried again when it has not said so in time")
    func late() {
        var bench = JobTestDriver(Self.notifyingProcess)
        bench.startJob()
        var (serial, deeds): (UInt64, [JobEffect]) = (1, [])
        while case .starting = bench.lifecycle.phase, serial < 1000 {
            bench.handle(.probeFailed(generation: 1, serial: serial, "it has not said READY=1 yet"))
            bench.now = bench.lifecycle.deadline ?? bench.now
            deeds = bench.handle(.deadlineReached).withoutEvents
            if case .startProbe(_, let next, _)? = deeds.first { serial = next }
        }
        #expect(deeds == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(bench.lifecycle.record.error == "was not ready within 30s: it has not said READY=1 yet")
    }

    @Test("is asked as well, where the kernel rings no bell")
    func asked() {
        var bench = JobTestDriver(Self.notifyingProcess)
        bench.handle(.startRequested)
        #expect(bench.reportStart().withoutEvents == [.startProbe(generation: 1, serial: 1, .readiness)])
        bench.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(bench.lifecycle.isUp)
    }

    @Test("what another start said says nothing")
    func stale() {
        var bench = up()
        bench.reportEnd(.exited(1))
        _ = bench.reachDeadline()
        bench.reportStart()
        var report = NotifyState(asOf: bench.now)
        report.isReady = true
        #expect(bench.handle(.notified(generation: 1, report)) == [])
        #expect(!bench.lifecycle.isUp)
        bench.handle(.notified(generation: 2, report))
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.restartCount == 1)
    }

    @Test("READY=1 makes nobody ready who is asked something else")
    func otherQuestion() {
        var bench = JobTestDriver(JobTestDriver.process { $0.ready = Probe(.unix("/s")) })
        bench.startJob()
        #expect(bench.notify { _ in } == [])
        #expect(!bench.lifecycle.isUp)
    }

    // MARK: Reloading

    @Test("stays up while it reloads, and both ends of that are told")
    func reload() {
        var bench = up()
        #expect(bench.notify { $0.isReloading = true } == [.recordEvent(.info, "says that it reloads")])
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.isReady && state(bench) == .running)
        #expect(bench.notify { $0.isReloading = true } == [], "the same words are no news")
        #expect(bench.notify { _ in } == [.recordEvent(.info, "has reloaded")])
        #expect(bench.lifecycle.deadline == nil)
    }

    @Test("a reload that does not end is told once, and is no reason to stop it")
    func longReload() {
        var bench = up()
        bench.notify { $0.isReloading = true }
        #expect(bench.lifecycle.deadline == bench.now + .seconds(30))
        #expect(bench.reachDeadline() == [.recordEvent(.warning, "has not finished its reload within 30s")])
        #expect(bench.lifecycle.isUp && bench.lifecycle.deadline == nil)
        #expect(bench.lifecycle.record.error == "it said RELOADING=1, and has not said READY=1 since")
        bench.notify { _ in }
        #expect(bench.lifecycle.record.error == nil)
    }

    // MARK: Stopping

    @Test("one that says that it is stopping is no longer there for others, and not asked any more")
    func stopping() {
        var bench = up(
            JobTestDriver.process {
                $0.ready = Probe(.notify)
                $0.health = Probe(.exec(["check"]), interval: .seconds(5), failures: 1)
                $0.tcpPorts = [BoundPort(port: 80)]
            }
        )
        _ = bench.reachDeadline()
        #expect(bench.notify { $0.isStopping = true } == [.stopProbe, .recordEvent(.info, "says that it is stopping")])
        #expect(!bench.lifecycle.isUp && !bench.lifecycle.record.isReady && state(bench) == .degraded)
        #expect(bench.handle(.probeFailed(generation: 1, serial: 2, "refused")) == [], "no health restart meanwhile")
        #expect(bench.handle(.specChanged) == [])
        #expect(bench.lifecycle.deadline == bench.now + .seconds(10), "its own time to stop")
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.record.phase == .retrying, "by its policy it comes back")
        _ = bench.reachDeadline()
        bench.reportStart()
        #expect(bench.lifecycle.record.error == nil)
        bench.notify { _ in }
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.restartCount == 1)
    }

    @Test("one that said so and does not end is stopped")
    func stuck() {
        var bench = up()
        bench.notify { $0.isStopping = true }
        #expect(bench.reachDeadline().withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(bench.lifecycle.record.error == "said that it was stopping, and did not end within 10s")
    }

    @Test("the machine's sleep counts for neither (TM-2)")
    func sleep() {
        for change in [{ $0.isReloading = true }, { $0.isStopping = true }] as [(inout NotifyState) -> Void] {
            var bench = up()
            bench.notify(change)
            bench.advance(.seconds(3600))
            bench.handle(.machineSlept)
            #expect(bench.handle(.deadlineReached) == [])
        }
    }

    @Test("an order to stop goes on as ever, whatever is said meanwhile")
    func ordered() {
        var bench = up()
        bench.handle(.stopRequested)
        #expect(bench.notify { $0.isStopping = true } == [])
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.phase == .finished(.cancelled))
    }

    // MARK: Remarks

    @Test("who is not believed is told once, a refused MAINPID each time")
    func remarks() {
        var bench = up()
        let strangers = bench.notify { $0.unverifiedMessages = 3 }
        #expect(strangers.count == 1 && strangers.withoutEvents == [])
        #expect(bench.notify { $0.unverifiedMessages = 4 } == [])
        func refuse(_ count: Int, _ pid: Int32) -> [JobEffect] {
            bench.notify {
                ($0.unverifiedMessages, $0.rejectedMainPIDs, $0.lastRejectedPID) = (4, count, pid)
            }
        }
        #expect(
            refuse(1, 1)
                == [.recordEvent(.warning, "said MAINPID=1, which is no process of its tree; it is not believed")]
        )
        #expect(
            refuse(2, -1)
                == [
                    .recordEvent(
                        .warning,
                        "said a MAINPID that is no number, which is no process of its tree; it is not believed"
                    )
                ]
        )
    }

    @Test("a process that it names itself goes on in its place")
    func mainProcess() {
        var bench = up()
        #expect(
            bench.handle(.mainProcessReplaced(generation: 1, process: JobTestDriver.identity(200)))
                == [.recordEvent(.info, "went on as pid 200, it says itself")]
        )
        #expect(bench.handle(.stopRequested).contains(.signal(JobTestDriver.identity(200), .term)))
    }

    // MARK: The next reconciler

    private func adopt(_ bench: JobTestDriver) -> JobTestDriver {
        var next = bench
        (next.lifecycle, _) = JobLifecycle.adopt(
            bench.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: bench.now,
                time: WallTime(microseconds: 0)
            ),
            bench.context
        )
        return next
    }

    @Test("SH-2: what was ready is ready to the next reconciler, and what was said to the first one is no news")
    func adopted() {
        var bench = up()
        bench.notify { $0.unverifiedMessages = 2 }
        var next = adopt(bench)
        #expect(next.lifecycle.isUp && next.lifecycle.record.isReady)
        #expect(next.notify { $0.unverifiedMessages = 2 } == [])
        #expect(
            next.notify { ($0.unverifiedMessages, $0.isReloading) = (2, true) } == [
                .recordEvent(.info, "says that it reloads")
            ]
        )
    }

    @Test("SH-2: what said READY=1 while nobody listened is ready as soon as somebody does")
    func saidMeanwhile() {
        var bench = JobTestDriver(Self.notifyingProcess)
        bench.startJob()
        var next = adopt(bench)
        #expect(!next.lifecycle.isUp)
        #expect(next.notify { _ in }.withoutEvents == [.stopProbe])
        #expect(next.lifecycle.isUp)
    }
}

@Suite("A process with a watchdog")
struct WatchdogTests {
    private static let watched = JobTestDriver.process {
        $0.ready = Probe(.notify)
        $0.health = Probe(.watchdog(.seconds(30)))
    }

    private func up() -> JobTestDriver {
        var bench = JobTestDriver(Self.watched)
        bench.startJob()
        tell(&bench, nil)
        return bench
    }

    /// It has last pinged at a moment.
    @discardableResult
    private func tell(_ bench: inout JobTestDriver, _ ping: Moment?, limit: Duration? = .seconds(30)) -> [JobEffect] {
        bench.notify { ($0.watchdog, $0.lastPing) = (limit, ping) }
    }

    /// Wakes it, and tells what it has said by then.
    private func look(_ bench: inout JobTestDriver, _ serial: UInt64, _ ping: Moment?) -> [JobEffect] {
        #expect(
            bench.reachDeadline() == [
                .startProbe(generation: bench.lifecycle.record.generation, serial: serial, .health)
            ]
        )
        return tell(&bench, ping)
            + bench.handle(.probeSucceeded(generation: bench.lifecycle.record.generation, serial: serial))
    }

    @Test("is looked at only when a ping must have come, and again when the next one must")
    func looks() {
        var bench = up()
        let begun = bench.now
        #expect(bench.lifecycle.deadline == begun + .seconds(30) && bench.lifecycle.record.isHealthy == nil)
        let ping = begun + .seconds(20)
        #expect(look(&bench, 2, ping) == [])
        #expect(bench.lifecycle.deadline == ping + .seconds(30))
        #expect(bench.lifecycle.record.isHealthy == true)
    }

    @Test("RS-5: one that does not ping is stopped, and comes back in the same job, counted as a crash")
    func silent() {
        var bench = up()
        let ping = bench.now + .seconds(1)
        _ = look(&bench, 2, ping)
        let effects = look(&bench, 3, ping)
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(bench.lifecycle.record.error == "is not healthy: it has not said WATCHDOG=1 for 30s")
        let job = bench.lifecycle.record.id
        bench.reportEnd(.signaled(.term, coreDumped: false))
        _ = bench.reachDeadline()
        bench.reportStart()
        tell(&bench, nil)
        #expect(bench.lifecycle.isUp && bench.lifecycle.record.id == job && bench.lifecycle.record.restartCount == 1)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(30), "the pings of the last start are not this one's")
    }

    @Test("a ping that was only late to be read is none too few: what was said counts, not when it was looked at")
    func exact() {
        var bench = up()
        let begun = bench.now
        bench.now = begun + .seconds(30)
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        // Read before the deadline, answered after it.
        bench.advance(.seconds(3))
        var report = NotifyState(asOf: begun + .seconds(29))
        (report.isReady, report.watchdog) = (true, .seconds(30))
        bench.handle(.notified(generation: 1, report))
        #expect(
            bench.handle(.probeSucceeded(generation: 1, serial: 2)) == [.startProbe(generation: 1, serial: 3, .health)]
        )
        #expect(bench.lifecycle.isUp)
    }

    @Test("a reconciler that was held up gives it a moment to show that it lives")
    func heldUp() {
        var bench = up()
        bench.advance(.seconds(300))
        #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .health)])
        tell(&bench, nil)
        #expect(bench.handle(.probeSucceeded(generation: 1, serial: 2)) == [])
        #expect(bench.lifecycle.deadline == bench.now + .seconds(5))
        #expect(look(&bench, 3, nil).withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
    }

    @Test("what cannot be read is looked at again, and nobody is stopped for it")
    func unreadable() {
        var bench = up()
        _ = bench.reachDeadline()
        bench.handle(.probeFailed(generation: 1, serial: 2, "what it said cannot be read"))
        #expect(bench.lifecycle.isUp && bench.lifecycle.deadline == bench.now + .seconds(1))
    }

    @Test("it may ask for another time itself, and trigger it")
    func own() {
        var bench = up()
        let begun = bench.now
        tell(&bench, nil, limit: .seconds(5))
        #expect(bench.lifecycle.deadline == begun + .seconds(5))
        let effects = bench.notify { ($0.watchdog, $0.hasTriggeredWatchdog) = (.seconds(5), true) }
        #expect(effects.withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(bench.lifecycle.record.error == "is not healthy: it triggered its watchdog itself")
    }

    @Test("a machine that was suspended gets one interval of grace (TM-2), and so does what is taken up")
    func grace() {
        var bench = up()
        bench.advance(.seconds(3600))
        bench.handle(.machineSlept)
        #expect(bench.lifecycle.deadline == bench.now + .seconds(30))
        let (life, _) = JobLifecycle.adopt(
            bench.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: bench.now,
                time: WallTime(microseconds: 0)
            ),
            bench.context
        )
        bench.lifecycle = life
        #expect(bench.lifecycle.deadline == nil, "what it was told is not known yet")
        tell(&bench, Moment(nanoseconds: 1))
        #expect(bench.lifecycle.deadline == bench.now + .seconds(30))
    }

    @Test("a watchdog that was added to what runs counts from its next start; one that is removed asks no more")
    func revised() {
        var bench = JobTestDriver(JobTestDriver.process { $0.ready = Probe(.notify) })
        bench.startJob()
        tell(&bench, nil, limit: nil)
        bench.action = Self.watched
        bench.handle(.specChanged)
        #expect(bench.lifecycle.deadline == nil && bench.lifecycle.isUp)
        bench = up()
        tell(&bench, bench.now)
        bench.action.health = nil
        bench.handle(.specChanged)
        #expect(bench.lifecycle.deadline == nil && bench.lifecycle.record.isHealthy == nil)
        #expect(bench.notify { $0.hasTriggeredWatchdog = true } == [], "nobody asked for that any more")
    }

    @Test("pings do not make a reload short, nor an end")
    func announced() {
        var bench = up()
        bench.notify { ($0.watchdog, $0.isReloading) = (.seconds(30), true) }
        #expect(bench.lifecycle.deadline == bench.now + .seconds(30))
        bench.notify { ($0.watchdog, $0.isStopping) = (.seconds(30), true) }
        #expect(bench.lifecycle.deadline == bench.now + .seconds(10))
    }
}

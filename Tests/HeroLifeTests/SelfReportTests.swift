import HeroLife
import HeroModel
import Testing

extension Bench {
    /// The program has said this by now, and nothing else.
    @discardableResult
    fileprivate mutating func say(_ change: (inout NotifyState) -> Void) -> [JobEffect] {
        var report = NotifyState(asOf: now)
        report.isReady = true
        change(&report)
        return handle(.said(generation: life.record.generation, report))
    }

    /// Lets time pass until the job's deadline, and wakes it.
    fileprivate mutating func wake() -> [JobEffect] {
        now = life.deadline ?? now
        return handle(.woke)
    }
}

@Suite("A process that says itself when it is ready")
struct SelfReportTests {
    private static let herald = Bench.process {
        $0.ready = Probe(.notify)
        $0.startTimeout = .seconds(30)
        $0.stop.timeout = .seconds(10)
    }

    private func up(_ action: ActionSpec = herald) -> Bench {
        var bench = Bench(action)
        bench.bringUp()
        bench.pass(.seconds(2))
        bench.say { _ in }
        return bench
    }

    private func state(_ bench: Bench) -> ServiceState { ServiceLife.state([bench.life], isOrderedUp: true) }

    @Test("RS-6: is not up before it says READY=1, and up at that moment")
    func ready() {
        var bench = Bench(Self.herald)
        bench.bringUp()
        #expect(!bench.life.isUp)
        bench.say { $0.isReady = false }
        #expect(!bench.life.isUp && state(bench) == .starting)
        bench.pass(.milliseconds(1500))
        #expect(bench.say { _ in } == [.stopAsking, .note(.info, "ready after 1500ms")])
        #expect(bench.life.isUp && bench.life.record.isReady && state(bench) == .running)
        #expect(bench.life.deadline == nil, "nothing wakes it any more")
    }

    @Test("is stopped and tried again when it has not said so in time")
    func late() {
        var bench = Bench(Self.herald)
        bench.bringUp()
        var (serial, deeds): (UInt64, [JobEffect]) = (1, [])
        while case .starting = bench.life.phase, serial < 1000 {
            bench.handle(.answeredNo(generation: 1, serial: serial, "it has not said READY=1 yet"))
            bench.now = bench.life.deadline ?? bench.now
            deeds = bench.handle(.woke).deeds
            if case .ask(_, let next, _)? = deeds.first { serial = next }
        }
        #expect(deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.error == "was not ready within 30s: it has not said READY=1 yet")
    }

    @Test("is asked as well, where the kernel rings no bell")
    func asked() {
        var bench = Bench(Self.herald)
        bench.handle(.orderedUp)
        #expect(bench.start().deeds == [.ask(generation: 1, serial: 1, .readiness)])
        bench.handle(.answeredYes(generation: 1, serial: 1))
        #expect(bench.life.isUp)
    }

    @Test("what another start said says nothing")
    func stale() {
        var bench = up()
        bench.end(.exited(1))
        _ = bench.wake()
        bench.start()
        var report = NotifyState(asOf: bench.now)
        report.isReady = true
        #expect(bench.handle(.said(generation: 1, report)) == [])
        #expect(!bench.life.isUp)
        bench.handle(.said(generation: 2, report))
        #expect(bench.life.isUp && bench.life.record.restartCount == 1)
    }

    @Test("READY=1 makes nobody ready who is asked something else")
    func otherQuestion() {
        var bench = Bench(Bench.process { $0.ready = Probe(.unix("/s")) })
        bench.bringUp()
        #expect(bench.say { _ in } == [])
        #expect(!bench.life.isUp)
    }

    // MARK: Reloading

    @Test("stays up while it reloads, and both ends of that are told")
    func reload() {
        var bench = up()
        #expect(bench.say { $0.isReloading = true } == [.note(.info, "says that it reloads")])
        #expect(bench.life.isUp && bench.life.record.isReady && state(bench) == .running)
        #expect(bench.say { $0.isReloading = true } == [], "the same words are no news")
        #expect(bench.say { _ in } == [.note(.info, "has reloaded")])
        #expect(bench.life.deadline == nil)
    }

    @Test("a reload that does not end is told once, and is no reason to stop it")
    func longReload() {
        var bench = up()
        bench.say { $0.isReloading = true }
        #expect(bench.life.deadline == bench.now + .seconds(30))
        #expect(bench.wake() == [.note(.warning, "has not finished its reload within 30s")])
        #expect(bench.life.isUp && bench.life.deadline == nil)
        #expect(bench.life.record.error == "it said RELOADING=1, and has not said READY=1 since")
        bench.say { _ in }
        #expect(bench.life.record.error == nil)
    }

    // MARK: Stopping

    @Test("one that says that it is stopping is no longer there for others, and not asked any more")
    func stopping() {
        var bench = up(
            Bench.process {
                $0.ready = Probe(.notify)
                $0.health = Probe(.exec(["check"]), interval: .seconds(5), failures: 1)
                $0.tcpPorts = [BoundPort(port: 80)]
            }
        )
        _ = bench.wake()
        #expect(bench.say { $0.isStopping = true } == [.stopAsking, .note(.info, "says that it is stopping")])
        #expect(!bench.life.isUp && !bench.life.record.isReady && state(bench) == .degraded)
        #expect(bench.handle(.answeredNo(generation: 1, serial: 2, "refused")) == [], "no health restart meanwhile")
        #expect(bench.handle(.revised) == [])
        #expect(bench.life.deadline == bench.now + .seconds(10), "its own time to stop")
        bench.end(.exited(0))
        #expect(bench.life.record.phase == .retrying, "by its policy it comes back")
        _ = bench.wake()
        bench.start()
        #expect(bench.life.record.error == nil)
        bench.say { _ in }
        #expect(bench.life.isUp && bench.life.record.restartCount == 1)
    }

    @Test("one that said so and does not end is stopped")
    func stuck() {
        var bench = up()
        bench.say { $0.isStopping = true }
        #expect(bench.wake().deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.error == "said that it was stopping, and did not end within 10s")
    }

    @Test("the machine's sleep counts for neither (TM-2)")
    func sleep() {
        for change in [{ $0.isReloading = true }, { $0.isStopping = true }] as [(inout NotifyState) -> Void] {
            var bench = up()
            bench.say(change)
            bench.pass(.seconds(3600))
            bench.handle(.machineSlept)
            #expect(bench.handle(.woke) == [])
        }
    }

    @Test("an order to stop goes on as ever, whatever is said meanwhile")
    func ordered() {
        var bench = up()
        bench.handle(.orderedDown)
        #expect(bench.say { $0.isStopping = true } == [])
        bench.end(.exited(0))
        #expect(bench.life.phase == .over(.cancelled))
    }

    // MARK: Remarks

    @Test("who is not believed is told once, a refused MAINPID each time")
    func remarks() {
        var bench = up()
        let strangers = bench.say { $0.unverifiedMessages = 3 }
        #expect(strangers.count == 1 && strangers.deeds == [])
        #expect(bench.say { $0.unverifiedMessages = 4 } == [])
        func refuse(_ count: Int, _ pid: Int32) -> [JobEffect] {
            bench.say {
                ($0.unverifiedMessages, $0.rejectedMainPIDs, $0.lastRejectedPID) = (4, count, pid)
            }
        }
        #expect(
            refuse(1, 1)
                == [.note(.warning, "said MAINPID=1, which is no process of its tree; it is not believed")]
        )
        #expect(
            refuse(2, -1)
                == [
                    .note(
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
            bench.handle(.handedOver(generation: 1, process: Bench.identity(200)))
                == [.note(.info, "went on as pid 200, it says itself")]
        )
        #expect(bench.handle(.orderedDown).contains(.signal(Bench.identity(200), .term)))
    }

    // MARK: The next reconciler

    private func adopt(_ bench: Bench) -> Bench {
        var next = bench
        (next.life, _) = JobLife.adopt(
            bench.life.record,
            .held(generation: 1, process: Bench.identity(101), at: bench.now, time: WallTime(microseconds: 0)),
            bench.context
        )
        return next
    }

    @Test("SH-2: what was ready is ready to the next reconciler, and what was said to the first one is no news")
    func adopted() {
        var bench = up()
        bench.say { $0.unverifiedMessages = 2 }
        var next = adopt(bench)
        #expect(next.life.isUp && next.life.record.isReady)
        #expect(next.say { $0.unverifiedMessages = 2 } == [])
        #expect(next.say { ($0.unverifiedMessages, $0.isReloading) = (2, true) } == [.note(.info, "says that it reloads")])
    }

    @Test("SH-2: what said READY=1 while nobody listened is ready as soon as somebody does")
    func saidMeanwhile() {
        var bench = Bench(Self.herald)
        bench.bringUp()
        var next = adopt(bench)
        #expect(!next.life.isUp)
        #expect(next.say { _ in }.deeds == [.stopAsking])
        #expect(next.life.isUp)
    }
}

@Suite("A process with a watchdog")
struct WatchdogTests {
    private static let watched = Bench.process {
        $0.ready = Probe(.notify)
        $0.health = Probe(.watchdog(.seconds(30)))
    }

    private func up() -> Bench {
        var bench = Bench(Self.watched)
        bench.bringUp()
        tell(&bench, nil)
        return bench
    }

    /// It has last pinged at a moment.
    @discardableResult
    private func tell(_ bench: inout Bench, _ ping: Moment?, limit: Duration? = .seconds(30)) -> [JobEffect] {
        bench.say { ($0.watchdog, $0.lastPing) = (limit, ping) }
    }

    /// Wakes it, and tells what it has said by then.
    private func look(_ bench: inout Bench, _ serial: UInt64, _ ping: Moment?) -> [JobEffect] {
        #expect(bench.wake() == [.ask(generation: bench.life.record.generation, serial: serial, .health)])
        return tell(&bench, ping)
            + bench.handle(.answeredYes(generation: bench.life.record.generation, serial: serial))
    }

    @Test("is looked at only when a ping must have come, and again when the next one must")
    func looks() {
        var bench = up()
        let begun = bench.now
        #expect(bench.life.deadline == begun + .seconds(30) && bench.life.record.isHealthy == nil)
        let ping = begun + .seconds(20)
        #expect(look(&bench, 2, ping) == [])
        #expect(bench.life.deadline == ping + .seconds(30))
        #expect(bench.life.record.isHealthy == true)
    }

    @Test("RS-5: one that does not ping is stopped, and comes back in the same job, counted as a crash")
    func silent() {
        var bench = up()
        let ping = bench.now + .seconds(1)
        _ = look(&bench, 2, ping)
        let effects = look(&bench, 3, ping)
        #expect(effects.deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.error == "is not healthy: it has not said WATCHDOG=1 for 30s")
        let job = bench.life.record.id
        bench.end(.signaled(.term, coreDumped: false))
        _ = bench.wake()
        bench.start()
        tell(&bench, nil)
        #expect(bench.life.isUp && bench.life.record.id == job && bench.life.record.restartCount == 1)
        #expect(bench.life.deadline == bench.now + .seconds(30), "the pings of the last start are not this one's")
    }

    @Test("a ping that was only late to be read is none too few: what was said counts, not when it was looked at")
    func exact() {
        var bench = up()
        let begun = bench.now
        bench.now = begun + .seconds(30)
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 2, .health)])
        // Read before the deadline, answered after it.
        bench.pass(.seconds(3))
        var report = NotifyState(asOf: begun + .seconds(29))
        (report.isReady, report.watchdog) = (true, .seconds(30))
        bench.handle(.said(generation: 1, report))
        #expect(bench.handle(.answeredYes(generation: 1, serial: 2)) == [.ask(generation: 1, serial: 3, .health)])
        #expect(bench.life.isUp)
    }

    @Test("a reconciler that was held up gives it a moment to show that it lives")
    func heldUp() {
        var bench = up()
        bench.pass(.seconds(300))
        #expect(bench.handle(.woke) == [.ask(generation: 1, serial: 2, .health)])
        tell(&bench, nil)
        #expect(bench.handle(.answeredYes(generation: 1, serial: 2)) == [])
        #expect(bench.life.deadline == bench.now + .seconds(5))
        #expect(look(&bench, 3, nil).deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
    }

    @Test("what cannot be read is looked at again, and nobody is stopped for it")
    func unreadable() {
        var bench = up()
        _ = bench.wake()
        bench.handle(.answeredNo(generation: 1, serial: 2, "what it said cannot be read"))
        #expect(bench.life.isUp && bench.life.deadline == bench.now + .seconds(1))
    }

    @Test("it may ask for another time itself, and trigger it")
    func own() {
        var bench = up()
        let begun = bench.now
        tell(&bench, nil, limit: .seconds(5))
        #expect(bench.life.deadline == begun + .seconds(5))
        let effects = bench.say { ($0.watchdog, $0.hasTriggeredWatchdog) = (.seconds(5), true) }
        #expect(effects.deeds == [.stopAsking, .signal(Bench.identity(101), .term)])
        #expect(bench.life.record.error == "is not healthy: it triggered its watchdog itself")
    }

    @Test("a machine that was suspended gets one interval of grace (TM-2), and so does what is taken up")
    func grace() {
        var bench = up()
        bench.pass(.seconds(3600))
        bench.handle(.machineSlept)
        #expect(bench.life.deadline == bench.now + .seconds(30))
        let (life, _) = JobLife.adopt(
            bench.life.record,
            .held(generation: 1, process: Bench.identity(101), at: bench.now, time: WallTime(microseconds: 0)),
            bench.context
        )
        bench.life = life
        #expect(bench.life.deadline == nil, "what it was told is not known yet")
        tell(&bench, Moment(nanoseconds: 1))
        #expect(bench.life.deadline == bench.now + .seconds(30))
    }

    @Test("a watchdog that was added to what runs counts from its next start; one that is removed asks no more")
    func revised() {
        var bench = Bench(Bench.process { $0.ready = Probe(.notify) })
        bench.bringUp()
        tell(&bench, nil, limit: nil)
        bench.action = Self.watched
        bench.handle(.revised)
        #expect(bench.life.deadline == nil && bench.life.isUp)
        bench = up()
        tell(&bench, bench.now)
        bench.action.health = nil
        bench.handle(.revised)
        #expect(bench.life.deadline == nil && bench.life.record.isHealthy == nil)
        #expect(bench.say { $0.hasTriggeredWatchdog = true } == [], "nobody asked for that any more")
    }

    @Test("pings do not make a reload short, nor an end")
    func announced() {
        var bench = up()
        bench.say { ($0.watchdog, $0.isReloading) = (.seconds(30), true) }
        #expect(bench.life.deadline == bench.now + .seconds(30))
        bench.say { ($0.watchdog, $0.isStopping) = (.seconds(30), true) }
        #expect(bench.life.deadline == bench.now + .seconds(10))
    }
}

import HeroLifecycle
import HeroModel
import Testing

/// Deadlines and delays: what a reconciler does that was late, was killed, or shares its machine with many others.
@Suite("The time of a job")
struct JobTimingTests {
    private static let server = JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] }

    // MARK: Delays

    @Test("RS-1: every delay is within its jitter along the whole curve, and beyond its limit for ever")
    func curve() {
        let policy = RetryPolicy(maxAttempts: 0)
        let expected: [Double] = [0.5, 1, 2, 4, 8, 16] + Array(repeating: 30, count: 200)
        var seed = SeededGenerator(1)
        for (index, seconds) in expected.enumerated() {
            for random in [0, 0.999_999] + (0..<50).map({ _ in seed.next() }) {
                let delay = Double(policy.delay(afterAttempt: index + 1, random: random).wholeNanoseconds) / 1e9
                #expect(
                    delay >= seconds * 0.9 - 1e-6 && delay <= seconds * 1.1 + 1e-6,
                    "attempt \(index + 1): \(delay)"
                )
            }
        }
        #expect(policy.delay(afterAttempt: .max, random: 0.5) == .seconds(30))
    }

    @Test("RS-1: a program that fails at once is tried about 25 times in ten minutes, whatever the dice say")
    func tenMinutes() {
        for number in 1...200 as ClosedRange<UInt64> {
            var seed = SeededGenerator(number)
            var bench = JobTestDriver(JobTestDriver.process { $0.retry.jitter = 0.1 })
            let end = bench.now + .seconds(600)
            bench.startJob()
            while bench.now < end {
                bench.random = seed.next()
                bench.reportEnd(.exited(1))
                bench.now = bench.lifecycle.deadline ?? end
                guard bench.now < end else { break }
                bench.handle(.deadlineReached)
                bench.reportStart()
            }
            // 0.5 + 1 + 2 + 4 + 8 + 16 s, and then every 30 s.
            #expect(
                (24...28).contains(bench.lifecycle.record.executions),
                "\(bench.lifecycle.record.executions), seed \(number)"
            )
        }
    }

    @Test("RS-1: exit code 0 with restart: always waits like any other end, and starts anew once it was stable")
    func endsWell() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        for milliseconds in [500, 1000, 2000] {
            bench.reportEnd(.exited(0))
            #expect(bench.lifecycle.deadline == bench.now + .milliseconds(milliseconds))
            bench.now = bench.lifecycle.deadline ?? bench.now
            bench.handle(.deadlineReached)
            bench.reportStart()
        }
        bench.advance(.seconds(10))
        bench.reportEnd(.exited(0))
        #expect(bench.lifecycle.deadline == bench.now + .milliseconds(500))
    }

    @Test("RS-1: 200 programs that fail at one time drift apart: soon at most 10 of them start in any 100 ms")
    func noPeaks() {
        let policy = RetryPolicy(maxAttempts: 0)
        for number in 1...5 as ClosedRange<UInt64> {
            var seed = SeededGenerator(number)
            var starts: [Int64] = []
            for _ in 0..<200 {
                var now: Int64 = 0
                var attempt = 1
                while now < 1_800_000 {
                    now += policy.delay(afterAttempt: attempt, random: seed.next()).wholeMilliseconds
                    attempt += 1
                    starts.append(now)
                }
            }
            // The first minutes are those of a common misfortune.
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

    /// A job of which the reconciler was killed while it waited.
    private func waiting(_ action: ActionSpec, attempts: Int = 1) -> JobTestDriver {
        var bench = JobTestDriver(action)
        bench.startJob()
        for _ in 1..<attempts {
            bench.reportEnd(.exited(1))
            bench.now = bench.lifecycle.deadline ?? bench.now
            bench.handle(.deadlineReached)
            bench.reportStart()
        }
        bench.reportEnd(.exited(1))
        return bench
    }

    @Test(
        "RS-3: the next reconciler tries it at the very moment that was stored, whenever it comes",
        arguments: [0, 1, 25, 50, 99, 100, 250] as [Int]
    )
    func storedDeadline(percent: Int) {
        for attempts in 1...8 {
            var bench = waiting(Self.server, attempts: attempts)
            let deadline = bench.lifecycle.deadline ?? bench.now
            let delay = deadline - bench.now
            bench.now = bench.now + delay * Double(percent) / 100
            for _ in 0..<3 {
                // However often it is killed: nothing is added, nothing is taken away.
                let (life, effects) = JobLifecycle.adopt(bench.lifecycle.record, .notFound, bench.context)
                #expect(effects == [] && life.record.phase == .retrying)
                #expect(life.deadline == deadline && life.record.attempt == attempts)
                let told = Int64(life.record.nextRetryAt?.microseconds ?? 0)
                if percent <= 100 { #expect(abs(told - deadline.nanoseconds / 1000) <= 1, "people are told the same") }
                bench.lifecycle = life
            }
            if percent < 100 {
                #expect(bench.handle(.deadlineReached) == [], "not before its moment")
                bench.now = deadline
            }
            #expect(bench.handle(.deadlineReached).withoutEvents == [.launch(generation: UInt32(attempts) + 1)])
        }
    }

    @Test("RS-3: a start that the machine had no room for waits as long in the next life")
    func storedRefusal() {
        var bench = waiting(JobTestDriver.process())
        bench.now = bench.lifecycle.deadline ?? bench.now
        bench.handle(.deadlineReached)
        bench.reportEnd(.startFailed(StartFailure(stage: .fork, errno: 11, detail: "no pids left")), executed: false)
        let deadline = bench.lifecycle.deadline
        bench.advance(.milliseconds(250))
        let (life, _) = JobLifecycle.adopt(bench.lifecycle.record, .notFound, bench.context)
        #expect(deadline != nil && life.deadline == deadline)
    }

    @Test("RS-3: a new boot clears it: its service starts anew, at once")
    func newBoot() {
        let bench = waiting(JobTestDriver.process())
        var context = bench.context
        context.bootID = "another"
        context.now = Moment(nanoseconds: 1)
        let (life, _) = JobLifecycle.adopt(bench.lifecycle.record, .notFound, context)
        #expect(life.isIdle && life.deadline == nil && life.record.nextRetryAt == nil)
    }

    @Test("RS-3: a stored moment that no delay of its policy could give is no reason to wait for it")
    func absurdDeadline() {
        let bench = waiting(JobTestDriver.process())
        var record = bench.lifecycle.record
        record.deadline = .init(moment: bench.now + .seconds(100_000), bootID: "b")
        let (life, _) = JobLifecycle.adopt(record, .notFound, bench.context)
        #expect(life.deadline == bench.now + .seconds(30))
    }

    // MARK: Nobody looked

    @Test(
        "TM-2: whoever did not look for longer than a start may take asks once more before it judges, whatever it is late by"
    )
    func stoppedDuringStart() {
        for late in [Duration.milliseconds(1), .seconds(1), .seconds(4), .seconds(60), .seconds(86_400)] {
            var bench = JobTestDriver(
                JobTestDriver.process {
                    $0.tcpPorts = [BoundPort(port: 80)]
                    $0.startTimeout = .seconds(2)
                }
            )
            bench.startJob()
            bench.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
            bench.advance(.seconds(2) + late)
            #expect(bench.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)], "\(late)")
            bench.handle(.probeSucceeded(generation: 1, serial: 2))
            #expect(bench.lifecycle.isUp)
        }
    }

    @Test("TM-2: one that is not ready then either is given up all the same, a little later")
    func neverReady() {
        var bench = JobTestDriver(Self.server)
        bench.startJob()
        bench.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
        bench.advance(.seconds(90))
        let woken = bench.now
        bench.handle(.deadlineReached)
        var serial: UInt64 = 2
        while case .starting = bench.lifecycle.phase, bench.now - woken < .seconds(60) {
            bench.handle(.probeFailed(generation: 1, serial: serial, "not yet"))
            bench.now = bench.lifecycle.deadline ?? bench.now
            if case .startProbe(_, let next, _)? = bench.handle(.deadlineReached).withoutEvents.first { serial = next }
        }
        #expect(bench.lifecycle.record.error == "was not ready within 30s: not yet")
        #expect(bench.now - woken == .seconds(5))
    }

    @Test("TM-2: a start that nobody looked at for long is not killed before it was looked at")
    func stoppedDuringLaunch() {
        var bench = JobTestDriver(JobTestDriver.process { $0.startTimeout = .seconds(2) })
        bench.handle(.startRequested)
        bench.advance(.seconds(60))
        #expect(bench.handle(.deadlineReached) == [])
        bench.reportStart()
        #expect(bench.lifecycle.isUp)
    }

    @Test("TM-2: after the machine was suspended whoever is on its way up or down has its time anew")
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
        // What was killed once is not spared by another sleep.
        let deadline = stopping.lifecycle.deadline
        #expect(stopping.handle(.machineSlept) == [] && stopping.lifecycle.deadline == deadline)
    }

    // MARK: Nobody could ask

    @Test("RX-1, RX-2: a question that could not be asked is no bad answer, and no good one either", arguments: 0...2)
    func notAskedForHealth(noes: Int) {
        var bench = JobTestDriver(
            JobTestDriver.process { $0.health = Probe(.exec(["check"]), interval: .seconds(10), failures: 3) }
        )
        bench.startJob()
        var serial: UInt64 = 0
        func ask(_ bench: inout JobTestDriver) -> UInt64 {
            bench.now = bench.lifecycle.deadline ?? bench.now
            guard case .startProbe(_, let serial, .health)? = bench.handle(.deadlineReached).withoutEvents.first else {
                return 0
            }
            return serial
        }
        for _ in 0..<noes {
            serial = ask(&bench)
            bench.handle(.probeFailed(generation: 1, serial: serial, "refused"))
        }
        let healthy = bench.lifecycle.record.isHealthy
        for time in 1...20 {
            serial = ask(&bench)
            let effects = bench.handle(.probeSkipped(generation: 1, serial: serial, "cannot fork"))
            #expect(effects.count == (time == 1 ? 1 : 0), "it is said once")
            #expect(bench.lifecycle.isUp && bench.lifecycle.record.isHealthy == healthy)
            #expect(bench.lifecycle.deadline == bench.now + .seconds(10))
        }
        // The noes from before still count.
        for left in (0..<(3 - noes)).reversed() {
            serial = ask(&bench)
            bench.handle(.probeFailed(generation: 1, serial: serial, "refused"))
            #expect(bench.lifecycle.isUp == (left > 0))
        }
    }

    @Test("RX-1: a start whose readiness nobody can ask for is not given up for it, and is up as soon as it is asked")
    func notAskedForReadiness() {
        var bench = JobTestDriver(Self.server)
        bench.startJob()
        var serial: UInt64 = 1
        let end = bench.now + .seconds(300)
        while bench.now < end {
            bench.handle(.probeSkipped(generation: 1, serial: serial, "no descriptor is left"))
            bench.now = bench.lifecycle.deadline ?? end
            if case .startProbe(_, let next, _)? = bench.handle(.deadlineReached).withoutEvents.first { serial = next }
            guard case .starting = bench.lifecycle.phase else { break }
        }
        #expect(bench.now >= end)
        bench.now = bench.lifecycle.deadline ?? end
        guard case .startProbe(_, let last, .readiness)? = bench.handle(.deadlineReached).withoutEvents.first else {
            Issue.record("it is asked no more")
            return
        }
        bench.handle(.probeSucceeded(generation: 1, serial: last))
        #expect(bench.lifecycle.isUp)
        #expect(bench.handle(.probeSkipped(generation: 1, serial: serial, "late")) == [], "an old one counts no more")
    }

    // MARK: What does not end

    @Test(
        "TR-2: what lives on although it was killed is named, once for each who they are, and no next start comes before its end"
    )
    func survivors() {
        var bench = JobTestDriver(JobTestDriver.process())
        bench.startJob()
        bench.handle(.stopRequested)
        let told = JobEvent.survivedKill(generation: 1, ["pid 7 (web, state D)"])
        #expect(bench.handle(told) == [], "nothing was killed yet")
        for kill in 1...3 {
            bench.now = bench.lifecycle.deadline ?? bench.now
            #expect(bench.handle(.deadlineReached).withoutEvents == [.killTree(generation: 1)])
            #expect(bench.lifecycle.isStuck == (kill > 1))
        }
        #expect(bench.handle(told) == [.recordEvent(.error, "still waits for pid 7 (web, state D)")])
        #expect(bench.handle(told) == [])
        #expect(bench.lifecycle.record.error == "it waits for pid 7 (web, state D), which lives although it was killed")
        #expect(
            bench.lifecycle.record.phase == .running && bench.lifecycle.record.isStopping && !bench.lifecycle.isIdle
        )
        bench.reportEnd(.signaled(.kill, coreDumped: false))
        #expect(bench.lifecycle.phase == .finished(.cancelled) && bench.lifecycle.record.error == nil)
    }
}

/// Numbers from 0 to 1 that look random and follow from one (SplitMix64).
private struct SeededGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((word ^ (word >> 31)) >> 11) * 0x1p-53
    }
}

import HeroModel
import HeroSim
import Testing

/// Delays and deadlines of the whole loop, in simulated time (RS-1, RS-3, TM-2).
@Suite("Delays and deadlines")
struct DelayTests {
    private func flaky(_ name: String = "flaky", _ retry: String = "{delay: 8s, max_delay: 8s, jitter: 0}") -> String {
        """
        kind: Service
        name: \(name)
        actions: [{name: run, exec: [sim, exit3], is_process: true, retry: \(retry)}]

        """
    }

    /// When the program of a service was executed, oldest first.
    private func moments(_ harness: ReconcilerHarness, _ name: String = "flaky") -> [Moment] {
        harness.machine.trace.executions.filter { $0.label == "core/\(name).run" }.map(\.began)
    }

    @Test(
        "RS-3: The next try comes on time whenever the reconciler is killed during the delay",
        arguments: [1, 25, 50, 75, 99, 120, 400] as [Int],
        [0, 500, 3000] as [Int]
    )
    func killed(percent: Int, awayFor milliseconds: Int) throws {
        let harness = try ReconcilerHarness(seed: 3)
        try harness.apply(flaky(), then: .seconds(1))
        let first = try #require(moments(harness).first)
        let due = first + .milliseconds(1) + .seconds(8)
        // A part of the delay with the old one, the rest with the next.
        let kill = first + .seconds(8) * Double(min(percent, 99)) / 100
        if kill > harness.machine.now { try harness.advance(kill - harness.machine.now) }
        let away = percent > 100 ? Duration.seconds(8) * Double(percent) / 100 : .milliseconds(milliseconds)
        try harness.crashReconciler(for: away)
        let back = harness.machine.now
        try harness.advance(.seconds(20))
        let second = try #require(moments(harness).dropFirst().first)
        let expected = max(due, back)
        // A shim takes up to 2 ms here.
        #expect(second >= expected && second - expected < .milliseconds(10), "\(second - expected)")
        #expect(try harness.jobs(of: "flaky").count == 1)
    }

    @Test("RS-3: The next try comes on time when the reconciler is killed repeatedly")
    func killedOften() throws {
        let harness = try ReconcilerHarness(seed: 4)
        try harness.apply(flaky(), then: .seconds(1))
        let first = try #require(moments(harness).first)
        for _ in 0..<20 { try harness.crashReconciler(for: .milliseconds(100)) }
        try harness.advance(.seconds(20))
        let gap = try #require(moments(harness).dropFirst().first) - first
        #expect(gap > .seconds(8) && gap < .milliseconds(8050), "\(gap)")
    }

    @Test("RS-1: A crash loop makes about 25 counted executions in ten minutes, in one job")
    func tenMinutes() throws {
        let harness = try ReconcilerHarness(seed: 5)
        try harness.apply(flaky("flaky", "{}"), then: .seconds(600))
        let moments = moments(harness)
        #expect((24...28).contains(moments.count), "\(moments.count)")
        let expected: [Double] = [0.5, 1, 2, 4, 8, 16] + Array(repeating: 30, count: 30)
        for (gap, seconds) in zip(zip(moments, moments.dropFirst()).map { $1 - $0 }, expected) {
            let took = Double(gap.wholeNanoseconds) / 1e9
            #expect(took >= seconds * 0.9 && took <= seconds * 1.1 + 0.05, "\(took) s for \(seconds) s")
        }
        let job = try #require(try harness.jobs(of: "flaky").first)
        #expect(try harness.jobs(of: "flaky").count == 1 && job.restartCount == moments.count - 1)
    }

    @Test(
        "RS-1: Jitter spreads 50 crash loops to at most 6 starts in any 100 ms"
    )
    func crowd() throws {
        let harness = try ReconcilerHarness(seed: 6)
        let names = (0..<50).map { "loop\($0)" }
        try harness.apply(names.map { flaky($0, "{}") }.joined(separator: "---\n"), then: .seconds(400))
        let begin = Moment(nanoseconds: 0) + .seconds(150)
        let starts = harness.machine.trace.executions.map(\.began).filter { $0 > begin }.sorted()
        #expect(starts.count > 50 * 6)
        var first = 0
        var most = 0
        for (index, start) in starts.enumerated() {
            while start - starts[first] >= .milliseconds(100) { first += 1 }
            most = max(most, index - first + 1)
        }
        #expect(most <= 6, "\(most)")
    }

    @Test(
        "TM-2: A reconciler that was frozen probes once more before it restarts a service",
        arguments: 1...5
    )
    func stoodStill(seed: UInt64) throws {
        let harness = try ReconcilerHarness(seed: seed)
        var manifests = ""
        for index in 0..<10 {
            manifests += """
                ---
                kind: Service
                name: s\(index)
                actions:
                  - name: run
                    exec: [sim, slow]
                    is_process: true
                    ready: {tcp: 80, interval: \(50 * (index + 1))ms}
                    start_timeout: 1s

                """
        }
        try harness.postApply(String(manifests.dropFirst(4)))
        // At any moment of the starts: while they are launched, asked, or wait to be asked.
        try harness.runSteps(Int(seed) * 4)
        for stop in [Duration.milliseconds(1200), .seconds(3), .seconds(60)] {
            harness.machine.advanceTime(stop)
            try harness.advance(.milliseconds(20))
        }
        try harness.advance(.seconds(10))
        for index in 0..<10 {
            let events = try harness.events("core/s\(index).run")
            #expect(try harness.state("s\(index)") == .running)
            #expect(harness.executions("core/s\(index).run") == 1, "s\(index): \(events)")
        }
    }
}

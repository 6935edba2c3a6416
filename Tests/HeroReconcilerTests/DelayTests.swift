import HeroModel
import HeroSim
import Testing

/// Delays and deadlines of the whole loop, in simulated time (reliability.md RS-1, RS-3, TM-2).
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
    private func moments(_ machine: ReconcilerHarness, _ name: String = "flaky") -> [Moment] {
        machine.machine.trace.executions.filter { $0.label == "core/\(name).run" }.map(\.began)
    }

    @Test(
        "RS-3: however far into a delay the reconciler is killed, and however long none lives, the next try comes at its moment or at once",
        arguments: [1, 25, 50, 75, 99, 120, 400] as [Int],
        [0, 500, 3000] as [Int]
    )
    func killed(percent: Int, awayFor milliseconds: Int) throws {
        let machine = try ReconcilerHarness(seed: 3)
        try machine.apply(flaky(), then: .seconds(1))
        let first = try #require(moments(machine).first)
        let due = first + .milliseconds(1) + .seconds(8)
        // A part of the delay with the old one, the rest with the next.
        let kill = first + .seconds(8) * Double(min(percent, 99)) / 100
        if kill > machine.machine.now { try machine.advance(kill - machine.machine.now) }
        let away = percent > 100 ? Duration.seconds(8) * Double(percent) / 100 : .milliseconds(milliseconds)
        try machine.crashReconciler(for: away)
        let back = machine.machine.now
        try machine.advance(.seconds(20))
        let second = try #require(moments(machine).dropFirst().first)
        let expected = max(due, back)
        // A shim takes up to 2 ms here.
        #expect(second >= expected && second - expected < .milliseconds(10), "\(second - expected)")
        #expect(try machine.jobs(of: "flaky").count == 1)
    }

    @Test("RS-3: killed again and again within one delay, it still comes at its moment")
    func killedOften() throws {
        let machine = try ReconcilerHarness(seed: 4)
        try machine.apply(flaky(), then: .seconds(1))
        let first = try #require(moments(machine).first)
        for _ in 0..<20 { try machine.crashReconciler(for: .milliseconds(100)) }
        try machine.advance(.seconds(20))
        let gap = try #require(moments(machine).dropFirst().first) - first
        #expect(gap > .seconds(8) && gap < .milliseconds(8050), "\(gap)")
    }

    @Test("RS-1: a crash loop is tried about 25 times in ten minutes, in one job, each execution counted")
    func tenMinutes() throws {
        let machine = try ReconcilerHarness(seed: 5)
        try machine.apply(flaky("flaky", "{}"), then: .seconds(600))
        let moments = moments(machine)
        #expect((24...28).contains(moments.count), "\(moments.count)")
        let expected: [Double] = [0.5, 1, 2, 4, 8, 16] + Array(repeating: 30, count: 30)
        for (gap, seconds) in zip(zip(moments, moments.dropFirst()).map { $1 - $0 }, expected) {
            let took = Double(gap.wholeNanoseconds) / 1e9
            #expect(took >= seconds * 0.9 && took <= seconds * 1.1 + 0.05, "\(took) s for \(seconds) s")
        }
        let job = try #require(try machine.jobs(of: "flaky").first)
        #expect(try machine.jobs(of: "flaky").count == 1 && job.restartCount == moments.count - 1)
    }

    @Test(
        "RS-1: of 50 crash loops that begin at one moment at most 6 start in any 100 ms once they have reached their limit"
    )
    func crowd() throws {
        let machine = try ReconcilerHarness(seed: 6)
        let names = (0..<50).map { "loop\($0)" }
        try machine.apply(names.map { flaky($0, "{}") }.joined(separator: "---\n"), then: .seconds(400))
        let begin = Moment(nanoseconds: 0) + .seconds(150)
        let starts = machine.machine.trace.executions.map(\.began).filter { $0 > begin }.sorted()
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
        "TM-2: a reconciler that stood still for longer than a start may take asks once more: nobody is restarted",
        arguments: 1...5
    )
    func stoodStill(seed: UInt64) throws {
        let machine = try ReconcilerHarness(seed: seed)
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
        try machine.postApply(String(manifests.dropFirst(4)))
        // At any moment of the starts: while they are launched, asked, or wait to be asked.
        try machine.runSteps(Int(seed) * 4)
        for stop in [Duration.milliseconds(1200), .seconds(3), .seconds(60)] {
            machine.machine.advanceTime(stop)
            try machine.advance(.milliseconds(20))
        }
        try machine.advance(.seconds(10))
        for index in 0..<10 {
            let events = try machine.events("core/s\(index).run")
            #expect(try machine.state("s\(index)") == .running)
            #expect(machine.executions("core/s\(index).run") == 1, "s\(index): \(events)")
        }
    }
}

import HeroModel
import HeroSim
import HeroStore
import Testing

/// The same simulation is made twice from one seed: once with a calendar that is set again and again.
@Suite("Changes of the calendar")
struct ClockTests {
    /// What happens in one simulation, by the boot clock.
    private struct Recording: Equatable {
        var executions: [String]
        var actions: [String]
        var events: [String]
    }

    /// A program that crashes with growing delays, one that is never ready in time, one that runs too long, and one
    /// that must be killed when it stops.
    private func manifests(stubborn status: String) -> String {
        """
        kind: Service
        name: flaky
        actions:
          - {name: run, exec: [sim, exit3], is_process: true, retry: {delay: 1s, max_delay: 8s, jitter: 0}}
        ---
        kind: Service
        name: late
        actions:
          - name: run
            exec: [sim, slow]
            is_process: true
            ready: {tcp: 80, interval: 50ms, start_period: 5s}
            start_timeout: 3s
            retry: {delay: 500ms, max_delay: 4s}
        ---
        kind: Service
        name: endless
        actions:
          - {name: run, exec: [sim, long], timeout: 150ms, retry: {max_attempts: 0, delay: 700ms}}
        ---
        kind: Service
        name: stubborn
        status: \(status)
        actions:
          - {name: a, exec: [sim, stubborn], is_process: true, stop: {timeout: 3s}}
          - {name: b, exec: [sim, stubborn], is_process: true, stop: {timeout: 4s}}
          - {name: c, exec: [sim, stubborn], is_process: true, stop: {timeout: 5s}}
        """
    }

    /// Simulates 40 s in steps of 20 ms; `shift` is the number of seconds by which the calendar is set after each step.
    private func record(seed: UInt64, shift: (Int) -> Int64?) throws -> Recording {
        let harness = try ReconcilerHarness(seed: seed)
        for piece in 0..<2000 {
            if piece == 0 { try harness.postApply(manifests(stubborn: "start")) }
            if piece == 1000 { try harness.postApply(manifests(stubborn: "stop")) }
            if let shift = shift(piece) { harness.machine.setCalendar(by: .seconds(shift)) }
            try harness.advance(.milliseconds(20))
        }
        #expect(harness.machine.trace.violations.isEmpty)
        return Recording(
            executions: harness.machine.trace.executions.map {
                "\($0.began) \($0.label) to \(String(describing: $0.ended))"
            },
            actions: harness.machine.trace.actions.map { "\($0.at) \($0.action)" },
            events: try harness.store.reader.events().map { "\($0.subject) \($0.text)" }
        )
    }

    @Test("TM-1: Two simulations of one seed without clock changes are identical")
    func same() throws {
        let first = try record(seed: 5) { _ in nil }
        #expect(try record(seed: 5) { _ in nil } == first)
        // The scenario contains what the other tests check.
        for words in ["next try in", "was not ready within 3s", "ran longer than its timeout", "has not ended within"] {
            #expect(first.events.contains { $0.contains(words) }, "\(words)")
        }
    }

    @Test(
        "TM-1: One change of the calendar moves no start, stop, delay or deadline",
        arguments: [-3600, 3600, 473_000_000, -1_789_999_000] as [Int64],
        [3, 60, 500, 1004, 1100]
    )
    func once(seconds: Int64, at piece: Int) throws {
        let expected = try record(seed: 5) { _ in nil }
        #expect(try record(seed: 5) { $0 == piece ? seconds : nil } == expected)
    }

    @Test(
        "TM-1: A thousand random changes of the calendar change neither actions nor events",
        arguments: 1...3
    )
    func setOften(seed: UInt64) throws {
        let expected = try record(seed: seed) { _ in nil }
        var state = seed
        let found = try record(seed: seed) { piece in
            guard piece % 2 == 0 else { return nil }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64(state >> 35) - 268_435_456
        }
        #expect(found == expected)
    }
}

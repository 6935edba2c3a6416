import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

@Suite("The number of starts in one turn")
struct TurnQuotaTests {
    private static func services(_ count: Int, requires: String = "") -> String {
        (0..<count).map { index in
            """
            kind: Service
            name: s\(index)
            requires: [\(requires)]
            actions: [{name: run, exec: [run], is_process: true}]
            """
        }.joined(separator: "\n---\n")
    }

    /// The services whose start is requested.
    private func begun(_ harness: ReconcilerHarness) throws -> Int {
        try harness.store.reader.serviceSummaries().filter { $0.state != .stopped }.count
    }

    @Test("The first programs start before the rows of all other starts are written")
    func turns() throws {
        let harness = try ReconcilerHarness(maxStartsPerTurn: 2)
        try harness.postApply(Self.services(5))
        var counts: [Int] = []
        for _ in 1...6 {
            harness.reconciler.prepareTurn()
            #expect(harness.reconciler.commitTurn())
            while harness.reconciler.performNextEffect() {}
            let count = try begun(harness)
            #expect(harness.launches("core/s\(count - 1).run") == (count == 0 ? 0 : 1))
            if count > 0 { counts.append(count) }
            harness.reconciler.handle(harness.kernel.nextEvents(until: harness.machine.now))
        }
        #expect(Array(counts.prefix(3)) == [2, 4, 5])
    }

    @Test("An apply waits for the starts of later turns", arguments: [1, 2, 5, 64])
    func convergence(limit: Int) throws {
        let harness = try ReconcilerHarness(maxStartsPerTurn: limit)
        let result = try #require(try harness.apply(Self.services(5)))
        #expect(result.isConverged, "\(result.errors)")
        #expect(try (0..<5).allSatisfy { try harness.state("s\($0)") == .running })
    }

    @Test("A reconciler that is killed between two turns of one wave leaves nothing out", arguments: 1...30)
    func killed(steps: Int) throws {
        let harness = try ReconcilerHarness(maxStartsPerTurn: 1)
        try harness.postApply(Self.services(4))
        try harness.runSteps(steps)
        try harness.crashReconciler()
        let result = try #require(try harness.apply(Self.services(4)))
        #expect(result.isConverged, "\(result.errors)")
        #expect(try (0..<4).allSatisfy { try harness.jobs(of: "s\($0)").count == 1 })
    }

    @Test("A later apply replaces the starts that still wait for their turn")
    func replaced() throws {
        let harness = try ReconcilerHarness(maxStartsPerTurn: 1)
        try harness.postApply(Self.services(4))
        try harness.runSteps(4)
        let result = try #require(try harness.apply(Self.services(2)))
        #expect(result.isConverged, "\(result.errors)")
        #expect(harness.executions("core/s3.run") == 0)
        #expect(try harness.state("s3") == nil)
    }

    @Test("A store outage withdraws the waiting starts, and its end brings them back")
    func outage() throws {
        let harness = try ReconcilerHarness(maxStartsPerTurn: 1)
        try harness.postApply(Self.services(4))
        try harness.runSteps(4)
        harness.failStore(.full)
        try harness.advance(.milliseconds(100))
        harness.failStore(nil)
        try harness.advance(.seconds(5))
        #expect(try (0..<4).allSatisfy { try harness.state("s\($0)") == .running })
    }
}

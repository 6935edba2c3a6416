import HeroModel
import HeroPlan
import HeroSim
import Testing

@testable import HeroReconciler

/// The cost of an event must not depend on the number of services, so an event must not cause a plan of all services.
@Suite("The number of plans")
struct PlanCountTests {
    private static func chain(_ count: Int, requiredByFirst root: String? = nil) -> String {
        (0..<count).map { index in
            let required = index == 0 ? root ?? "" : "s\(index - 1)"
            return """
                kind: Service
                name: s\(index)
                requires: [\(required)]
                actions: [{name: run, exec: [run], is_process: true}]
                """
        }.joined(separator: "\n---\n")
    }

    @Test("A chain of services starts with as many plans as a short one", arguments: [2, 20, 100])
    func chainOfStarts(count: Int) throws {
        let harness = try ReconcilerHarness()
        var plans = 0
        harness.reconciler.makePlan = { desired, observed, options in
            plans += 1
            return Planner.plan(desired, observed, options)
        }
        let result = try #require(try harness.apply(Self.chain(count)))
        #expect(result.isConverged, "\(result.errors)")
        #expect(plans == 3, "at the start, for the apply, and as the proof that nothing is left to do")
    }

    @Test("An apply with changes is one measured reconciliation, and an apply without changes is none")
    func durationsArePublished() throws {
        let harness = try ReconcilerHarness()
        #expect(harness.kernel.publishedDurations == nil)
        for count in [1, 2, 2] { _ = try harness.apply(Self.chain(count)) }
        #expect(harness.kernel.publishedDurations?.count == 2)
    }

    @Test("A service that becomes ready causes no plan while others are blocked by another one")
    func unrelatedBlockedService() throws {
        let harness = try ReconcilerHarness()
        let blocked = """
            kind: Service
            name: broken
            actions: [{name: run, exec: [broken, exit3]}]
            ---
            kind: Service
            name: dependent
            requires: [broken]
            actions: [{name: run, exec: [dependent], is_process: true}]
            """
        _ = try harness.apply(blocked)
        #expect(try harness.state("dependent") == .blocked)
        var plans = 0
        harness.reconciler.makePlan = { desired, observed, options in
            plans += 1
            return Planner.plan(desired, observed, options)
        }
        _ = try harness.apply(blocked + "\n---\n" + Self.chain(20))
        #expect(try harness.state("s19") == .running && harness.state("dependent") == .blocked)
        #expect(plans <= 4, "\(plans)")
    }
}

import HeroModel
import HeroPlan
import HeroStore
import Testing

@testable import HeroReconciler

/// A faulty planner: its plans are never carried out.
@Suite("Invalid plans")
struct InvalidPlanTests {
    private static let two = """
        kind: Service
        name: db
        actions: [{name: run, exec: [db], is_process: true}]
        ---
        kind: Service
        name: web
        requires: [db]
        actions: [{name: run, exec: [web], is_process: true}]
        """

    @Test(
        "An invalid plan is refused as an internal error, and the apply has not converged"
    )
    func refused() throws {
        let harness = try ReconcilerHarness()
        harness.reconciler.makePlan = { desired, observed, options in
            var plan = Planner.plan(desired, observed, options)
            plan.startWaves = []
            return plan
        }
        let result = try #require(try harness.apply(Self.two))
        #expect(!result.isConverged)
        #expect(result.errors.contains { $0.hasPrefix("internal error: refused a plan that violates an invariant") })
        #expect(harness.executions("core/db.run") == 0 && harness.executions("core/web.run") == 0)
        #expect(try harness.events("").contains { $0.hasPrefix("internal error: refused a plan that violates") })

        // With a correct planner the same reconciler continues.
        harness.reconciler.makePlan = { Planner.plan($0, $1, $2) }
        let better = try #require(try harness.apply(Self.two + "\n---\nkind: Action\nname: extra\nexec: [extra]\n"))
        #expect(better.isConverged, "\(better.errors)")
        #expect(harness.executions("core/db.run") == 1 && harness.executions("core/web.run") == 1)
    }

    @Test("Running services are not affected by an invalid plan")
    func keepsRunning() throws {
        let harness = try ReconcilerHarness()
        #expect(try harness.apply(Self.two)?.isConverged == true)
        harness.reconciler.makePlan = { desired, observed, options in
            var plan = Planner.plan(desired, observed, options)
            plan.stopWaves = [[QualifiedName("db")], [QualifiedName("web")]]
            return plan
        }
        let result = try #require(try harness.apply(Self.two.replacing("exec: [db]", with: "exec: [db, more]")))
        #expect(!result.isConverged)
        #expect(try harness.state("db") == .running && harness.state("web") == .running)
        #expect(harness.executions("core/db.run") == 1 && harness.executions("core/web.run") == 1)
    }
}

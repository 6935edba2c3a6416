import HeroModel
import HeroPlan
import HeroStore
import Testing

@testable import HeroReconciler

/// A planner with a fault of its own: what it orders is never done.
@Suite("Plans that break a law")
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
        "a plan of ours that breaks a law is not carried out, is told as our mistake, and no apply calls it converged"
    )
    func refused() throws {
        let machine = try ReconcilerHarness()
        machine.reconciler.makePlan = { desired, observed, options in
            var plan = Planner.plan(desired, observed, options)
            plan.startWaves = []
            return plan
        }
        let result = try #require(try machine.apply(Self.two))
        #expect(!result.isConverged)
        #expect(result.errors.contains { $0.hasPrefix("internal error: refused a plan of our own that breaks a law") })
        #expect(machine.executions("core/db.run") == 0 && machine.executions("core/web.run") == 0)
        #expect(try machine.events("").contains { $0.hasPrefix("internal error: refused a plan of our own") })

        // With a planner that keeps to the laws the same reconciler goes on.
        machine.reconciler.makePlan = { Planner.plan($0, $1, $2) }
        let better = try #require(try machine.apply(Self.two + "\n---\nkind: Action\nname: extra\nexec: [extra]\n"))
        #expect(better.isConverged, "\(better.errors)")
        #expect(machine.executions("core/db.run") == 1 && machine.executions("core/web.run") == 1)
    }

    @Test("what runs goes on while our planner is out of its mind")
    func keepsRunning() throws {
        let machine = try ReconcilerHarness()
        #expect(try machine.apply(Self.two)?.isConverged == true)
        machine.reconciler.makePlan = { desired, observed, options in
            var plan = Planner.plan(desired, observed, options)
            plan.stopWaves = [[QualifiedName("db")], [QualifiedName("web")]]
            return plan
        }
        let result = try #require(try machine.apply(Self.two.replacing("exec: [db]", with: "exec: [db, more]")))
        #expect(!result.isConverged)
        #expect(try machine.state("db") == .running && machine.state("web") == .running)
        #expect(machine.executions("core/db.run") == 1 && machine.executions("core/web.run") == 1)
    }
}

import HeroModel
import HeroPlan
import Testing

/// A situation and the plan it must give.
struct Situation: CustomTestStringConvertible {
    var title: String
    var options = PlanOptions()
    var world: String
    var plan: String

    init(_ title: String, _ options: PlanOptions, _ world: String, _ plan: String) {
        self.title = title
        self.options = options
        self.world = world
        self.plan = plan
    }

    init(_ title: String, _ world: String, _ plan: String) {
        self.init(title, PlanOptions(), world, plan)
    }

    var testDescription: String { title }
}

@Suite("The planner")
struct PlannerTests {
    @Test("says what must change, why, and in which waves (DP-1)", arguments: Situation.all)
    func plans(_ situation: Situation) {
        let world = World(situation.world)
        let plan = Planner.plan(world.desired, world.observed, situation.options)
        #expect(plan.inShort == situation.plan)
        #expect(plan.baseRevision == 7)
        let violations = PlanLaws.violations(
            of: plan,
            desired: world.desired,
            observed: world.observed,
            options: situation.options
        )
        #expect(violations == [])
        let next = Planner.plan(world.desired, world.observed.carriedOut(plan, world.desired), situation.options)
        #expect(next.isEmpty, "the next plan is not empty: \(next.inShort)")
    }

    @Test("describes every situation by a title of its own")
    func titles() {
        #expect(Set(Situation.all.map(\.title)).count == Situation.all.count)
        #expect(Situation.all.count >= 60)
    }
}

extension Situation {
    static let all = starting + changing + stopping + cascading + blocking + undeclared + takingDown + healing
    static let healingOnly = PlanOptions(retriesFailed: false)
    static let unpruned = PlanOptions(prunes: false)
}

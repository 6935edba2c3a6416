import HeroModel
import HeroPlan
import Testing

@Suite("Plans of random worlds")
struct PropertyTests {
    static let batches = (0..<30).map { UInt64($0 * 100)..<UInt64($0 * 100 + 100) }

    @Test("break no law, are the same twice, and leave nothing to do once carried out (DP-1)", arguments: batches)
    func laws(_ seeds: Range<UInt64>) {
        for seed in seeds {
            let world = World(seed: seed)
            let options = World.options(seed: seed)
            let plan = Planner.plan(world.desired, world.observed, options)
            let violations = PlanLaws.violations(
                of: plan,
                desired: world.desired,
                observed: world.observed,
                options: options
            )
            #expect(violations == [], "seed \(seed)")
            let again = Planner.plan(world.desired, world.observed, options)
            #expect(PlanLaws.violations(between: plan, and: again) == [], "seed \(seed)")
            let next = Planner.plan(world.desired, world.carriedOut(plan), options)
            #expect(next.isEmpty, "seed \(seed): \(next.inShort)")
        }
    }

    @Test("see every action, every reason of the planner, and every state")
    func coverage() {
        var actions: Set<PlanAction> = []
        var codes: Set<Reason.Code> = []
        for seed in UInt64(0)..<300 {
            let world = World(seed: seed)
            for change in Planner.plan(world.desired, world.observed, World.options(seed: seed)).changes {
                actions.insert(change.action)
                codes.insert(change.reason.code)
            }
        }
        #expect(actions == Set(PlanAction.allCases))
        #expect(codes == Set(Reason.Code.allCases).subtracting([.conflict, .unhealthy]))
    }
}

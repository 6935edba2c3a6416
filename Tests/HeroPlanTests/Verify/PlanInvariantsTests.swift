import HeroModel
import HeroPlan
import HeroSim
import HeroSimulation
import Testing

/// A plan spoiled in one way, and the law that must say so.
struct PlanMutation: CustomTestStringConvertible {
    var invariant: PlanInvariant
    var title: String
    var planCase: PlanCase
    var mutate: @Sendable (inout Plan) -> Void

    init(
        _ law: PlanInvariant,
        _ title: String,
        _ world: String,
        _ options: PlanOptions = PlanOptions(),
        mutate: @escaping @Sendable (inout Plan) -> Void
    ) {
        self.invariant = law
        self.title = title
        let world = PlanFixture(world)
        self.planCase = PlanCase(world.desired, world.observed, options)
        self.mutate = mutate
    }

    /// Spoils the plan of a case folder.
    init(_ law: PlanInvariant, _ title: String, of folder: String, mutate: @escaping @Sendable (inout Plan) -> Void) {
        self.invariant = law
        self.title = title
        planCase = PlanCaseFolder.all.first { $0.name == folder }.flatMap { try? $0.read() } ?? PlanCase()
        self.mutate = mutate
    }

    var testDescription: String { title }
}

@Suite("The judge of plans")
struct PlanInvariantsTests {
    @Test("sees each law broken", arguments: PlanMutation.all)
    func detectsMutation(_ spoiling: PlanMutation) {
        let world = spoiling.planCase
        var plan = Planner.plan(world.desired, world.observed, world.options)
        func laws() -> Set<PlanInvariant> {
            Set(
                PlanInvariants.violations(
                    of: plan,
                    desired: world.desired,
                    observed: world.observed,
                    options: world.options
                )
                .map(\.invariant)
            )
        }
        #expect(laws() == [])
        spoiling.mutate(&plan)
        #expect(laws().contains(spoiling.invariant))
    }

    @Test("has a broken plan or a broken planner for every law")
    func everyInvariantHasMutation() {
        let laws = PlanMutation.all.map(\.invariant) + FaultyPlanner.all.map(\.invariant)
        #expect(Set(laws) == Set(PlanInvariant.allCases))
    }

    @Test("catches a planner that is blind to a part of what it is told", arguments: FaultyPlanner.all)
    func detectsFaultyPlanner(_ blind: FaultyPlanner) {
        let isCaught = (UInt64(0)..<2000).contains { seed in
            let trial = RandomPlanCase(seed: seed)
            let found = PlanInvariants.planAndVerify(trial.desired, trial.observed, trial.options, planner: blind.plan)
            return found.violations.contains { $0.invariant == blind.invariant }
        }
        #expect(isCaught)
    }

    @Test("sees two plans of the same that differ")
    func differingPlans() {
        let world = PlanFixture("db\nweb requires db")
        let first = Planner.plan(world.desired, world.observed)
        var second = first
        #expect(PlanInvariants.violations(between: first, and: second) == [])
        second.changes[1].reason.text = "because"
        let violations = PlanInvariants.violations(between: first, and: second)
        #expect(violations.map(\.invariant) == [.planningIsDeterministic])
        #expect(violations.first?.service == QualifiedName("web"))
    }

    @Test("sees nearly any random damage to the action of a change")
    func randomMutation() {
        var dice = SeededGenerator(1)
        for seed in UInt64(0)..<200 {
            let world = RandomPlanCase(seed: seed)
            let options = world.options
            var plan = Planner.plan(world.desired, world.observed, options)
            guard let index = plan.changes.indices.randomElement(using: &dice) else { continue }
            let right = plan.changes[index].action
            plan.changes[index].action = PlanAction.allCases.filter { $0 != right }.randomElement(using: &dice) ?? right
            let violations = PlanInvariants.violations(
                of: plan,
                desired: world.desired,
                observed: world.observed,
                options: options
            )
            #expect(!violations.isEmpty, "seed \(seed): \(right) became \(plan.changes[index].action)")
        }
    }
}

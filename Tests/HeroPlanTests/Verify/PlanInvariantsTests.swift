import HeroModel
import HeroPlan
import HeroRandom
import HeroSimulation
import Testing

/// A plan with one mutation, and the invariant that must detect it.
struct PlanMutation: CustomTestStringConvertible {
    var invariant: PlanInvariant
    var title: String
    var planCase: PlanCase
    var mutate: @Sendable (inout Plan) -> Void

    init(
        _ invariant: PlanInvariant,
        _ title: String,
        _ fixture: String,
        _ options: PlanOptions = PlanOptions(),
        mutate: @escaping @Sendable (inout Plan) -> Void
    ) {
        self.invariant = invariant
        self.title = title
        let fixture = PlanFixture(fixture)
        self.planCase = PlanCase(fixture.desired, fixture.observed, options)
        self.mutate = mutate
    }

    /// Creates a mutation of the plan of a case folder.
    init(
        _ invariant: PlanInvariant,
        _ title: String,
        of folder: String,
        mutate: @escaping @Sendable (inout Plan) -> Void
    ) {
        self.invariant = invariant
        self.title = title
        planCase = PlanCaseFolder.all.first { $0.name == folder }.flatMap { try? $0.read() } ?? PlanCase()
        self.mutate = mutate
    }

    var testDescription: String { title }
}

@Suite("The plan verifier")
struct PlanInvariantsTests {
    @Test("The plan verifier detects the violation of each invariant", arguments: PlanMutation.all)
    func detectsMutation(_ mutation: PlanMutation) {
        let fixture = mutation.planCase
        var plan = Planner.plan(fixture.desired, fixture.observed, fixture.options)
        func violatedInvariants() -> Set<PlanInvariant> {
            Set(
                PlanInvariants.violations(
                    of: plan,
                    desired: fixture.desired,
                    observed: fixture.observed,
                    options: fixture.options
                )
                .map(\.invariant)
            )
        }
        #expect(violatedInvariants() == [])
        mutation.mutate(&plan)
        #expect(violatedInvariants().contains(mutation.invariant))
    }

    @Test("Every invariant has a mutated plan or a faulty planner that violates it")
    func everyInvariantHasMutation() {
        let invariants = PlanMutation.all.map(\.invariant) + FaultyPlanner.all.map(\.invariant)
        #expect(Set(invariants) == Set(PlanInvariant.allCases))
    }

    @Test("The plan verifier detects a planner that ignores a part of its input", arguments: FaultyPlanner.all)
    func detectsFaultyPlanner(_ faulty: FaultyPlanner) {
        let isCaught = (UInt64(0)..<2000).contains { seed in
            let simulated = RandomPlanCase(seed: seed)
            let found = PlanInvariants.planAndVerify(
                simulated.desired,
                simulated.observed,
                simulated.options,
                planner: faulty.plan
            )
            return found.violations.contains { $0.invariant == faulty.invariant }
        }
        #expect(isCaught)
    }

    @Test("The plan verifier detects two different plans of the same input")
    func differingPlans() {
        let fixture = PlanFixture("db\nweb requires db")
        let first = Planner.plan(fixture.desired, fixture.observed)
        var second = first
        #expect(PlanInvariants.violations(between: first, and: second) == [])
        second.changes[1].reason.text = "because"
        let violations = PlanInvariants.violations(between: first, and: second)
        #expect(violations.map(\.invariant) == [.planningIsDeterministic])
        #expect(violations.first?.service == QualifiedName("web"))
    }

    @Test("The plan verifier detects random mutations of the action of a change")
    func randomMutation() {
        var generator = SeededGenerator(1)
        for seed in UInt64(0)..<200 {
            let fixture = RandomPlanCase(seed: seed)
            let options = fixture.options
            var plan = Planner.plan(fixture.desired, fixture.observed, options)
            guard let index = plan.changes.indices.randomElement(using: &generator) else { continue }
            let right = plan.changes[index].action
            plan.changes[index].action =
                PlanAction.allCases.filter { $0 != right }.randomElement(using: &generator) ?? right
            let violations = PlanInvariants.violations(
                of: plan,
                desired: fixture.desired,
                observed: fixture.observed,
                options: options
            )
            #expect(!violations.isEmpty, "seed \(seed): \(right) became \(plan.changes[index].action)")
        }
    }
}

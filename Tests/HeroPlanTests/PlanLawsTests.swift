import HeroModel
import HeroPlan
import HeroSim
import HeroTrials
import Testing

/// A plan spoiled in one way, and the law that must say so.
struct Spoiling: CustomTestStringConvertible {
    var law: PlanLaw
    var title: String
    var world: Case
    var spoil: @Sendable (inout Plan) -> Void

    init(
        _ law: PlanLaw,
        _ title: String,
        _ world: String,
        _ options: PlanOptions = PlanOptions(),
        spoil: @escaping @Sendable (inout Plan) -> Void
    ) {
        self.law = law
        self.title = title
        let world = World(world)
        self.world = Case(world.desired, world.observed, options)
        self.spoil = spoil
    }

    /// Spoils the plan of a case folder.
    init(_ law: PlanLaw, _ title: String, of folder: String, spoil: @escaping @Sendable (inout Plan) -> Void) {
        self.law = law
        self.title = title
        world = CaseFolder.all.first { $0.name == folder }.flatMap { try? $0.read() } ?? Case()
        self.spoil = spoil
    }

    var testDescription: String { title }
}

@Suite("The judge of plans")
struct PlanLawsTests {
    @Test("sees each law broken", arguments: Spoiling.all)
    func bites(_ spoiling: Spoiling) {
        let world = spoiling.world
        var plan = Planner.plan(world.desired, world.observed, world.options)
        func laws() -> Set<PlanLaw> {
            Set(
                PlanLaws.violations(
                    of: plan,
                    desired: world.desired,
                    observed: world.observed,
                    options: world.options
                )
                .map(\.law)
            )
        }
        #expect(laws() == [])
        spoiling.spoil(&plan)
        #expect(laws().contains(spoiling.law))
    }

    @Test("has a broken plan or a broken planner for every law")
    func everyLaw() {
        let laws = Spoiling.all.map(\.law) + BlindPlanner.all.map(\.law)
        #expect(Set(laws) == Set(PlanLaw.allCases))
    }

    @Test("catches a planner that is blind to a part of what it is told", arguments: BlindPlanner.all)
    func catches(_ blind: BlindPlanner) {
        let isCaught = (UInt64(0)..<2000).contains { seed in
            let trial = PlanTrial(seed: seed)
            let found = PlanLaws.trial(trial.desired, trial.observed, trial.options, planner: blind.plan)
            return found.violations.contains { $0.law == blind.law }
        }
        #expect(isCaught)
    }

    @Test("sees two plans of the same that differ")
    func twice() {
        let world = World("db\nweb requires db")
        let first = Planner.plan(world.desired, world.observed)
        var second = first
        #expect(PlanLaws.violations(between: first, and: second) == [])
        second.changes[1].reason.text = "because"
        let violations = PlanLaws.violations(between: first, and: second)
        #expect(violations.map(\.law) == [.twiceIsTheSame])
        #expect(violations.first?.service == QualifiedName("web"))
    }

    @Test("sees nearly any random damage to the action of a change")
    func randomDamage() {
        var dice = Seed(1)
        for seed in UInt64(0)..<200 {
            let world = PlanTrial(seed: seed)
            let options = world.options
            var plan = Planner.plan(world.desired, world.observed, options)
            guard let index = plan.changes.indices.randomElement(using: &dice) else { continue }
            let right = plan.changes[index].action
            plan.changes[index].action = PlanAction.allCases.filter { $0 != right }.randomElement(using: &dice) ?? right
            let violations = PlanLaws.violations(
                of: plan,
                desired: world.desired,
                observed: world.observed,
                options: options
            )
            #expect(!violations.isEmpty, "seed \(seed): \(right) became \(plan.changes[index].action)")
        }
    }
}

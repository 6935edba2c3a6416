import HeroModel
import HeroPlan
import HeroSim
import HeroTrials
import Testing

/// A plan spoiled in one way, and the law that must say so.
struct Spoiling: CustomTestStringConvertible {
    var law: PlanLaw
    var title: String
    var world: String
    var options = PlanOptions()
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
        self.world = world
        self.options = options
        self.spoil = spoil
    }

    var testDescription: String { title }
}

@Suite("The judge of plans")
struct PlanLawsTests {
    @Test("sees each law broken", arguments: Spoiling.all)
    func bites(_ spoiling: Spoiling) {
        let world = World(spoiling.world)
        var plan = Planner.plan(world.desired, world.observed, spoiling.options)
        func laws() -> Set<PlanLaw> {
            Set(
                PlanLaws.violations(
                    of: plan,
                    desired: world.desired,
                    observed: world.observed,
                    options: spoiling.options
                )
                .map(\.law)
            )
        }
        #expect(laws() == [])
        spoiling.spoil(&plan)
        #expect(laws().contains(spoiling.law))
    }

    @Test("has a broken plan for every law")
    func everyLaw() {
        #expect(Set(Spoiling.all.map(\.law)) == Set(PlanLaw.allCases).subtracting([.twiceIsTheSame]))
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

extension Plan {
    fileprivate mutating func edit(_ name: String, _ change: (inout Change) -> Void) {
        guard let index = changes.firstIndex(where: { $0.service == QualifiedName(name) }) else { return }
        change(&changes[index])
    }
}

extension Spoiling {
    static let all: [Spoiling] = [
        .init(.everyChangeHasAReason, "no words", "web") { $0.edit("web") { $0.reason.text = "" } },
        .init(.everyChangeHasAReason, "a reason of another action", "web") {
            $0.edit("web") { $0.reason.code = .undeclared }
        },
        .init(
            .everyChangeHasAReason,
            "a cascade without a cause",
            "db argv 2: running argv 1\nweb requires db: running"
        ) {
            $0.edit("web") { $0.cause = nil }
        },
        .init(.everyChangeHasAReason, "blocked by nothing", "web requires ghost") {
            $0.edit("web") { $0.blockedBy = [] }
        },
        .init(.everyServiceAppearsOnce, "a service left out", "web: running\ndb: running") { $0.changes.removeLast() },
        .init(.everyServiceAppearsOnce, "a service twice", "web: running") { $0.changes.append($0.changes[0]) },
        .init(.everyServiceAppearsOnce, "a stranger", "web: running") {
            $0.changes.append(Change(QualifiedName("zz"), .keep, Reason(.unchanged, "it is there")))
        },
        .init(.everyServiceAppearsOnce, "out of order", "web: running\ndb: running") { $0.changes.reverse() },
        .init(.wavesHoldExactlyTheChanges, "a start in no wave", "web\ndb") { $0.startWaves[0].removeLast() },
        .init(.wavesHoldExactlyTheChanges, "a start in two waves", "web\ndb") {
            $0.startWaves.append($0.startWaves[0])
        },
        .init(.wavesHoldExactlyTheChanges, "a change that says another wave", "web") {
            $0.edit("web") { $0.startWave = 1 }
        },
        .init(.wavesHoldExactlyTheChanges, "a restart that never stops", "web argv 2: running argv 1") {
            $0.stopWaves = []
            $0.edit("web") { $0.stopWave = nil }
        },
        .init(.noDependentOutlivesItsRequirement, "stop waves turned round", "~db: running\n~web requires db: running")
        {
            $0.stopWaves.reverse()
            $0.edit("db") { $0.stopWave = 0 }
            $0.edit("web") { $0.stopWave = 1 }
        },
        .init(.noDependentOutlivesItsRequirement, "stops thrown into one wave", "~a: running\n~b after a: running") {
            $0.stopWaves = [$0.stopWaves.flatMap { $0 }.sorted()]
            $0.edit("a") { $0.stopWave = 0 }
        },
        .init(
            .noDependentOutlivesItsRequirement,
            "a dependent kept",
            "db argv 2: running argv 1\nweb requires db: running"
        ) {
            $0.stopWaves = [[QualifiedName("db")]]
            $0.startWaves = [[QualifiedName("db")]]
            $0.edit("db") { $0.stopWave = 0 }
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "it runs")) }
        },
        .init(.startsFollowTheirDependencies, "start waves thrown into one", "db\nweb wants db") {
            $0.startWaves = [$0.startWaves.flatMap { $0 }.sorted()]
            $0.edit("web") { $0.startWave = 0 }
        },
        .init(.requirementsDecide, "a start in vain", "db status stop\nweb requires db") {
            $0.startWaves = [[QualifiedName("web")]]
            $0.edit("web") {
                $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0)
            }
        },
        .init(.requirementsDecide, "blocked by what runs", "db: running\nweb requires db") {
            $0.startWaves = []
            $0.edit("web") {
                $0 = Change($0.service, .blocked, Reason(.requirementDown, "db"), blockedBy: [QualifiedName("db")])
            }
        },
        .init(.nothingElseIsTouched, "a bystander restarted", "lone: running") {
            $0.stopWaves = [[QualifiedName("lone")]]
            $0.startWaves = $0.stopWaves
            $0.edit("lone") {
                $0 = Change($0.service, .restart, Reason(.notRunning, "why not"), stopWave: 0, startWave: 0)
            }
        },
        .init(.nothingElseIsTouched, "a cascade over mere order", "db argv 2: running argv 1\nweb after db: running") {
            $0.stopWaves = [[QualifiedName("web")], [QualifiedName("db")]]
            $0.startWaves = [[QualifiedName("db")], [QualifiedName("web")]]
            $0.edit("db") { $0.stopWave = 1 }
            $0.edit("web") {
                let reason = Reason(.cascade, "db restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("db"), stopWave: 0, startWave: 1)
            }
        },
        .init(.nothingElseIsTouched, "a circle of causes", "a requires b: running requires -\nb: running requires a") {
            $0.stopWaves = [[QualifiedName("b")], [QualifiedName("a")]]
            $0.startWaves = $0.stopWaves
            $0.edit("a") {
                let reason = Reason(.cascade, "b restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("b"), stopWave: 1, startWave: 1)
            }
            $0.edit("b") {
                let reason = Reason(.cascade, "a restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("a"), stopWave: 0, startWave: 0)
            }
        },
        .init(.nothingIsForgotten, "a start forgotten", "web") {
            $0.startWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.nothingIsForgotten, "a stop forgotten", "web status stop: running") {
            $0.stopWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.nothingIsForgotten, "a change forgotten", "web argv 2: running argv 1") {
            $0.stopWaves = []
            $0.startWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.whatIsNotWantedNeverStarts, "a start against the manifest", "web status stop") {
            $0.startWaves = [[QualifiedName("web")]]
            $0.edit("web") { $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0) }
        },
        .init(.quietChangesTouchNothing, "an update in a stop wave", "web limit 1: running limit 2") {
            $0.stopWaves = [[QualifiedName("web")]]
            $0.edit("web") { $0.stopWave = 0 }
        },
        .init(.fieldsTellTheTruth, "a field that does not differ", "web limit 1: running limit 2") {
            $0.edit("web") { $0.fields[0].before = "1s" }
        },
        .init(.fieldsTellTheTruth, "a field left out", "web limit 1 text a: running limit 2 text b") {
            $0.edit("web") { $0.fields.removeLast() }
        },
        .init(.fieldsTellTheTruth, "a restart sold as in place", "web limit 1: running limit 2") {
            $0.edit("web") { $0.fields[0].cost = .none }
        },
    ]
}

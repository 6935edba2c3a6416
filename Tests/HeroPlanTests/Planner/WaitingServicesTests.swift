import HeroModel
import HeroPlan
import Testing

@Suite("Plans around starts that would fail")
struct WaitingServicesTests {
    /// The plan around services that cannot be executed, and why services wait.
    private func partialPlan(_ text: String, broken: String...) -> (changes: String, waiting: [String: String]) {
        var fixture = PlanFixture(text)
        let failure = StartFailure(stage: .execute, errno: 2, detail: "nosuch")
        fixture.observed.startProblems = broken.map {
            ObservedStartProblem(service: QualifiedName($0), action: "main", failure)
        }
        let partial = Planner.planAroundProblems(fixture.desired, fixture.observed)
        let names = partial.waiting.map { ($0.key.name, $0.value) }
        if !partial.waiting.isEmpty {
            #expect(partial.only.allSatisfy { partial.waiting[$0] == nil })
            #expect(partial.only.isEmpty || partial.plan.refusals.isEmpty)
        }
        return (partial.plan.compactText, Dictionary(names) { first, _ in first })
    }

    @Test("A plan without failing starts is complete")
    func complete() {
        let partial = partialPlan("db argv 2: running argv 1\nnew argv 1", broken: "new")
        #expect(partial.waiting.isEmpty)
        #expect(partial.changes.contains("new") && partial.changes.contains("db"))
    }

    @Test("A service that could not start again waits, and other changes are made")
    func oneWaits() {
        let partial = partialPlan("db argv 2: running argv 1\nweb argv 2: running argv 1", broken: "web")
        #expect(partial.waiting == ["web": "main would not start again: cannot execute: nosuch"])
        #expect(partial.changes.contains("db") && !partial.changes.contains("web"))
    }

    @Test("Dependents of a waiting service wait with it")
    func dependentsWait() {
        let text = "db argv 2: running argv 1\nweb requires db argv 2: running argv 1\nlog argv 2: running argv 1"
        let partial = partialPlan(text, broken: "db")
        #expect(partial.waiting["web"] == "it requires core/db, which waits")
        #expect(partial.waiting.keys.sorted() == ["db", "web"])
        #expect(partial.changes.contains("log") && !partial.changes.contains("web"))
    }

    @Test("A requirement whose stop would stop a waiting service waits too")
    func causesWait() {
        let text = "db argv 2: running argv 1\nweb requires db: running\nlog argv 2: running argv 1"
        let partial = partialPlan(text, broken: "web")
        #expect(partial.waiting.keys.sorted() == ["db", "web"])
        #expect(partial.changes.contains("log") && !partial.changes.contains("db"))
    }

    @Test("Nothing is planned if every service waits")
    func allWait() {
        var fixture = PlanFixture("web argv 2: running argv 1")
        let failure = StartFailure(stage: .execute, errno: 2, detail: "nosuch")
        fixture.observed.startProblems = [ObservedStartProblem(service: QualifiedName("web"), action: "main", failure)]
        let partial = Planner.planAroundProblems(fixture.desired, fixture.observed)
        #expect(partial.only.isEmpty && partial.waiting.count == 1 && !partial.plan.refusals.isEmpty)
    }
}

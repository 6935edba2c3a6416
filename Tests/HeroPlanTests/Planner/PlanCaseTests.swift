import HeroJSON
import HeroModel
import HeroPlan
import HeroView
import Testing

@Suite("Plan cases")
struct PlanCaseTests {
    @Test("A plan shows what changes, why, and in which waves (DP-1)", arguments: PlanCaseFolder.all)
    func plan(_ folder: PlanCaseFolder) throws {
        let found = try folder.read()
        let (plan, violations) = PlanInvariants.planAndVerify(found.desired, found.observed, found.options)
        #expect(violations == [])
        #expect(plan.baseRevision == 7)
        let view = PlanView(OutputStyle(width: 110), isVerbose: folder.name.hasPrefix("keep/"))
        #expect(try folder.difference(view.text(plan), from: "plan.txt") == nil)
        if folder.hasJSON {
            #expect(try folder.difference(PlanView.json(plan).text(.pretty) + "\n", from: "plan.json") == nil)
        }
    }

    @Test("No line of a plan is wider than its terminal, in at least 120 cases")
    func widths() throws {
        #expect(PlanCaseFolder.all.count >= 120)
        for folder in PlanCaseFolder.all {
            let found = try folder.read()
            let text = PlanView(OutputStyle(width: 110)).text(
                Planner.plan(found.desired, found.observed, found.options)
            )
            // The first line of a diagnostic is never wrapped, because editors and CI parse it.
            for line in text.split(separator: "\n") where !line.contains("error: ") && !line.contains("warning: ") {
                #expect(line.count <= 110, "\(folder.name): \(line)")
            }
        }
    }

    @Test("The recorded JSON plans contain every action, reason code, cost, permission and kind of drift")
    func json() throws {
        var changes: [Change] = []
        var (drift, reclaims): ([Drift], [Reclaim]) = ([], [])
        for folder in PlanCaseFolder.all where folder.hasJSON {
            let found = try folder.read()
            let plan = Planner.plan(found.desired, found.observed, found.options)
            changes += plan.changes
            drift += plan.drift
            reclaims += plan.reclaims
        }
        #expect(Set(changes.map(\.action)) == Set(PlanAction.allCases))
        #expect(Set(changes.map(\.reason.code)) == Set(Reason.Code.allCases))
        #expect(Set(changes.flatMap(\.fields).map(\.cost)) == Set(CostOfChange.allCases))
        #expect(Set(drift.map(\.kind)) == Set(Drift.Kind.allCases))
        #expect(Set(reclaims.map(\.allowedBy)) == Set(Reclaim.Permission.allCases))
    }
}

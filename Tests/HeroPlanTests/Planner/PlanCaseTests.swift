import HeroModel
import HeroPlan
import HeroView
import Testing

@Suite("Cases of plans")
struct PlanCaseTests {
    @Test("a plan says what must change, why, and in which waves (DP-1)", arguments: PlanCaseFolder.all)
    func plan(_ folder: PlanCaseFolder) throws {
        let found = try folder.read()
        let (plan, violations) = PlanInvariants.planAndVerify(found.desired, found.observed, found.options)
        #expect(violations == [])
        #expect(plan.baseRevision == 7)
        let view = PlanView(OutputStyle(width: 110), isVerbose: folder.name.hasPrefix("keep/"))
        #expect(try folder.difference(view.text(plan), from: "plan.txt") == nil)
        #expect(try folder.difference(PlanView.json(plan).text(.pretty) + "\n", from: "plan.json") == nil)
    }

    @Test("there are enough of them, and no line of a plan is wider than its terminal")
    func widths() throws {
        #expect(PlanCaseFolder.all.count >= 120)
        for folder in PlanCaseFolder.all {
            let found = try folder.read()
            let text = PlanView(OutputStyle(width: 110)).text(
                Planner.plan(found.desired, found.observed, found.options)
            )
            // Diagnostics keep their first line whole: editors and CI jump by it.
            for line in text.split(separator: "\n") where !line.contains("error: ") && !line.contains("warning: ") {
                #expect(line.count <= 110, "\(folder.name): \(line)")
            }
        }
    }
}

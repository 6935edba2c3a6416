import HeroModel
import HeroPlan
import HeroView
import Testing

@Suite("Plans for GitHub")
struct PlanMarkdownTests {
    private let view = PlanMarkdown(against: "git:origin/main")

    @Test("A plan is a pull request comment and workflow annotations")
    func goldens() {
        expectGolden(view.text(samplePlan), "plan.md")
        expectGolden(PlanMarkdown(against: "runtime", isVerbose: true).text(Plan(baseRevision: 1)), "plan-empty.md")
        expectGolden(view.text(invalid: samplePlan.diagnostics), "plan-mistaken.md")
        expectGolden(PlanAnnotations(base: "/srv/app").text(samplePlan), "plan-github.txt")
    }

    @Test("A plan comment stays below GitHub's limit and counts omitted lines")
    func lengthLimit() {
        let names = (0..<5000).map { QualifiedName("service-\($0)") }
        let field = FieldDiff(path: "env.PORT", before: "1", after: "2", cost: .restart, at: location("web.yaml", 1))
        let plan = Plan(
            baseRevision: 1,
            changes: names.map { Change($0, .restart, Reason(.specChanged, "env.PORT changed"), fields: [field]) },
            stopWaves: [names],
            startWaves: names.map { [$0] }
        )
        let text = view.text(plan)
        #expect(text.count < 65_536)
        #expect(text.contains("### heroproc: 5000 to restart."))
        #expect(text.contains("more; `heroproc diff` shows all of them."))
        #expect(text.components("<details>") == text.components("</details>"))
    }

    @Test("Text of a manifest is no markup, mention or command in a plan comment")
    func hostileTexts() {
        let evil = "x`|\n::error::owned\n</details><img src=a>@everyone #1 [a](b) **b** \(hostile)"
        let change = Change(
            QualifiedName("web"),
            .restart,
            Reason(.specChanged, evil, at: ManifestLocation(file: "a,b:\(evil)", line: 1, column: 1)),
            fields: [FieldDiff(path: "env.A", before: evil, after: "``", cost: .restart, at: nil)]
        )
        let plan = Plan(
            baseRevision: 1,
            changes: [change],
            diagnostics: [Diagnostic(.error, code: "c", evil, help: evil)]
        )
        let markdown = view.text(plan)
        #expect(isHarmless(markdown))
        for tag in ["<img", "@everyone"] where markdown.contains(tag) {
            // Markup is allowed inside code only.
            let outside = markdown.split(separator: "\n").filter { $0.hasPrefix(">") || $0.contains("restart |") }
            #expect(!outside.contains { $0.contains(tag) && !$0.contains("`") })
        }
        #expect(!markdown.contains("\\n</details><img") || markdown.contains("\\</details\\>"))
        let lines = PlanAnnotations(base: nil).text(plan).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.filter { $0.hasPrefix("::") }.count == 2)
        #expect(lines.allSatisfy { isHarmless($0) })
        #expect(lines.contains { $0.contains("file=a%2Cb%3A") })
    }
}

extension String {
    /// The number of occurrences of a text.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}

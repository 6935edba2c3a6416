import HeroJSON
import HeroModel
import HeroPlan
import HeroView
import Testing

@Suite struct PlanViewTests {
    private let view = PlanView()

    @Test("A plan shows changes, reasons, locations and waves")
    func golden() {
        expectGolden(view.text(samplePlan), "plan.txt")
        expectGolden(PlanView(isVerbose: true).text(samplePlan), "plan-verbose.txt")
        expectGolden(PlanView(OutputStyle(isColored: true, width: 80)).text(samplePlan), "plan-colour.txt")
        expectGolden(PlanView.json(samplePlan).text(.pretty) + "\n", "plan.json")
    }

    @Test("The JSON of a plan has the members of the contract in their order")
    func members() throws {
        let json = PlanView.json(samplePlan)
        #expect(
            keys(json) == [
                "schema", "base_revision", "summary", "changes", "stop_waves", "start_waves", "reclaims", "drift",
                "diagnostics",
            ]
        )
        #expect(json["schema"] == "heroproc/plan/v1")
        let counts = ["start", "stop", "restart", "update", "reload", "keep", "blocked", "deferred"]
        #expect(json["summary"].map(keys) == counts)
        guard case .array(let changes)? = json["changes"],
            let web = changes.first(where: { $0["service"] == "core/web" })
        else {
            Issue.record("no change of core/web")
            return
        }
        #expect(
            keys(web) == [
                "service", "context", "action", "reason", "cause", "fields", "stop_wave", "start_wave", "blocked_by",
                "deferred",
            ]
        )
        #expect(web["reason"].map(keys) == ["code", "text"])
        guard case .array(let fields)? = web["fields"], let first = fields.first else {
            Issue.record("no fields")
            return
        }
        #expect(keys(first) == ["path", "before", "after", "cost", "at"])
        #expect(first["at"] == "services.d/web.yaml:12")
    }

    @Test(
        "The last line of a plan counts its changes",
        arguments: [
            ([PlanAction](), "Nothing to do: there are no services."),
            ([.keep], "Nothing to do: 1 service is as declared."),
            ([.keep, .keep], "Nothing to do: 2 services are as declared."),
            ([.keep, .blocked], "Nothing to do: 1 service is as declared; 1 is blocked."),
            ([.blocked, .blocked], "Nothing to do: no service can change; 2 are blocked."),
            ([.start, .restart, .restart, .keep], "Plan: 1 to start, 2 to restart; 1 unchanged."),
            ([.stop, .update, .blocked], "Plan: 1 to stop, 1 to update; 1 blocked."),
        ]
    )
    func summary(_ actions: [PlanAction], _ expected: String) {
        let changes = actions.enumerated().map { index, action in
            Change(QualifiedName("s\(index)"), action, Reason(.declared, ""))
        }
        #expect(view.summary(Plan(baseRevision: 1, changes: changes)) == expected)
    }

    @Test("A plan does not call undeclared running services declared")
    func leftUndeclared() {
        let left = Change(QualifiedName("left"), .keep, Reason(.undeclared, "pruning is off"))
        let kept = Change(QualifiedName("kept"), .keep, Reason(.unchanged, ""))
        let started = Change(QualifiedName("new"), .start, Reason(.declared, ""))
        let words = "1 left running that no manifest declares."
        func summary(_ changes: Change...) -> String { view.summary(Plan(baseRevision: 1, changes: changes)) }
        #expect(summary(left) == "Nothing to do: no service is declared; \(words)")
        #expect(summary(kept, left) == "Nothing to do: 1 service is as declared; \(words)")
        #expect(summary(kept, left, started) == "Plan: 1 to start; 1 unchanged; \(words)")
        let report = ApplyReport(revision: 3, isConverged: true, plan: Plan(baseRevision: 2, changes: [kept, left]))
        #expect(ApplyView().text(report) == "Revision 3 is applied: all is as planned.\n")
    }

    @Test("A plan of 1,000 services wraps and counts its waves")
    func manyServices() {
        let names = (0..<1000).map { QualifiedName("service-\($0)") }
        let changes = names.enumerated().map { index, name in
            Change(name, index < 3 ? .restart : .keep, Reason(.cascade, "core/hero_db restarts"))
        }
        let plan = Plan(
            baseRevision: 9,
            changes: changes,
            stopWaves: [names],
            startWaves: [names, Array(names.prefix(2))]
        )
        let text = PlanView(OutputStyle(width: 100)).text(plan)
        let lines = text.split(separator: "\n")
        #expect(lines.count < 40)
        #expect(lines.allSatisfy { $0.count <= 100 })
        #expect(lines.last == "Plan: 3 to restart; 997 unchanged.")
        #expect(text.contains("... and 960 more (-v shows all)"))
        let verbose = PlanView(OutputStyle(width: 100), isVerbose: true).text(plan)
        #expect(verbose.contains("core/service-999\n"))
        #expect(verbose.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test("A plan shows the difference of two long values, not their common prefix")
    func longValues() {
        let script = String(repeating: "echo hello; ", count: 500)
        let field = FieldDiff(
            path: "actions.a.script",
            before: "\"\(script)exit 1\"",
            after: "\"\(script)exit 2\"",
            cost: .restart,
            at: nil
        )
        let change = Change(QualifiedName("a"), .restart, Reason(.specChanged, "script changed"), fields: [field])
        let text = view.text(Plan(baseRevision: 1, changes: [change]))
        #expect(text.contains("exit 1\"") && text.contains("exit 2\""))
        #expect(text.utf8.count < 400)
    }

    @Test("A plan mentions a cause and a location exactly once")
    func mentions() {
        func line(_ reason: String, cause: String, line: Int) -> String {
            let reason = Reason(.cascade, reason, at: location("web.yaml", line))
            let change = Change(QualifiedName("x"), .restart, reason, cause: QualifiedName(cause))
            return view.text(Plan(baseRevision: 1, changes: [change])).split(separator: "\n").first.map(String.init)
                ?? ""
        }
        let text = "core/web2 restarts, services.d/web.yaml:12"
        #expect(line(text, cause: "web2", line: 12) == "  ± core/x  restart  \(text)")
        #expect(
            line(text, cause: "web", line: 1)
                == "  ± core/x  restart  \(text) (because of core/web) (services.d/web.yaml:1)"
        )
    }

    @Test("A plan counts the fields that it omits")
    func manyFields() {
        let fields = (0..<100).map {
            FieldDiff(path: "env.V\($0)", before: nil, after: "1", cost: .restart, at: nil)
        }
        let change = Change(QualifiedName("a"), .restart, Reason(.specChanged, "100 fields changed"), fields: fields)
        let plan = Plan(baseRevision: 1, changes: [change])
        #expect(view.text(plan).contains("... and 88 more fields (-v shows all)"))
        #expect(PlanView(isVerbose: true).text(plan).contains("env.V99: unset -> \"1\""))
    }

    @Test("A plan escapes control characters in names, reasons, values and drift")
    func hostileTexts() {
        let name = QualifiedName(hostile, context: hostile)
        let field = FieldDiff(
            path: hostile,
            before: hostile,
            after: nil,
            cost: .restart,
            at: ManifestLocation(file: hostile, line: 1, column: 1)
        )
        let plan = Plan(
            baseRevision: 1,
            changes: [
                Change(
                    name,
                    .restart,
                    Reason(.cascade, hostile, at: ManifestLocation(file: hostile + "2", line: 1, column: 1)),
                    cause: QualifiedName("x" + hostile),
                    fields: [field],
                    blockedBy: [QualifiedName("y" + hostile)]
                )
            ],
            stopWaves: [[name]],
            startWaves: [[name]],
            drift: [Drift(service: name, action: hostile, text: hostile)]
        )
        #expect(isHarmless(view.text(plan)))
        #expect(isHarmless(PlanView.json(plan).text()))
    }
}

/// The keys of an object in their order.
func keys(_ value: JSONValue) -> [String] {
    guard case .object(let members) = value else { return [] }
    return members.map(\.key)
}

import HeroModel
import HeroPlan
import Testing

@Suite("Reason texts of a plan")
struct ReasonTests {
    /// Fixture, service, expected reason text.
    static let reasonTexts: [(fixture: String, service: String, text: String)] = [
        ("web", "web", "it is declared and was never started (services.d/web.yaml:1)"),
        (
            "web status stop: running status start", "web",
            "status changed from start to stop (services.d/web.yaml:2)"
        ),
        ("web: stopped status stop", "web", "status changed from stop to start (services.d/web.yaml:2)"),
        ("web status stop: running", "web", "its status is stop (services.d/web.yaml:2)"),
        ("~web: running", "web", "no manifest declares it any more"),
        (
            "web argv 2 limit 3: running argv 1 limit 9", "web",
            "actions.main.exec changed from /usr/bin/web --level 1 to /usr/bin/web --level 2 (services.d/web.yaml:4), "
                + "and 1 more"
        ),
        (
            "web limit 3: running limit 30", "web",
            "actions.main.start_timeout changed from 30s to 3s (services.d/web.yaml:16)"
        ),
        ("web env x: running env -", "web", "env.KEY changed from nothing to x (services.d/web.yaml:8)"),
        ("web gen 2: running gen 1", "web", "generation was raised from 1 to 2 (services.d/web.yaml:5)"),
        ("web gen 1: running gen 2", "web", "generation changed from 2 to 1 (services.d/web.yaml:5)"),
        (
            "db argv 2: running argv 1\nweb requires db: running", "web",
            "core/db restarts, and core/web requires it (services.d/web.yaml:3)"
        ),
        (
            "db argv 2: running argv 1\nweb: running requires db", "web",
            "core/db restarts, and core/web required it when it was started"
        ),
        (
            "db status stop: running status start\nweb requires db: running", "web",
            "core/db stops, and core/web requires it (services.d/web.yaml:3); "
                + "it should be up, but cannot start without it"
        ),
        (
            "db status stop\nweb requires db", "web",
            "it requires core/db (services.d/web.yaml:3), which has status stop (services.d/db.yaml:2)"
        ),
        ("a\nweb requires b,a", "web", "it requires core/b (services.d/web.yaml:3), which no manifest declares"),
        ("web: running idle drift", "web", "it should be up, but process 1 is gone"),
        ("web: failed", "web", "it should be up and has failed; it is retried"),
        ("web status ignore: running", "web", "its status is ignore"),
    ]

    @Test("A reason names the field, both values and the location", arguments: reasonTexts)
    func texts(_ row: (fixture: String, service: String, text: String)) {
        let fixture = PlanFixture(row.fixture)
        let plan = Planner.plan(fixture.desired, fixture.observed)
        #expect(plan.change(row.service)?.reason.text == row.text)
    }

    @Test("A change lists its fields by cost, then by path, with nil for a default")
    func fields() {
        let fixture = PlanFixture("web argv 2 text new env x limit 30: running argv 1 text old env x limit 9")
        let change = Planner.plan(fixture.desired, fixture.observed).change("web")
        let paths = change?.fields.map { "\($0.path) \($0.before ?? "nil") \($0.after ?? "nil") \($0.cost)" }
        #expect(
            paths == [
                "actions.main.exec /usr/bin/web --level 1 /usr/bin/web --level 2 restart",
                "actions.main.start_timeout 9s nil in place",
                "description \"old\" \"new\" none",
            ]
        )
        #expect(change?.fields.first?.location?.line == 4)
    }

    @Test("A stop lists only the status field")
    func stopFields() {
        let fixture = PlanFixture("web argv 2 status stop: running argv 1 status start")
        #expect(Planner.plan(fixture.desired, fixture.observed).change("web")?.fields.map(\.path) == ["status"])
    }

    @Test("A reason cuts long values")
    func long() {
        let fixture = PlanFixture("web env \(String(repeating: "x", count: 500)): running env y")
        let text = Planner.plan(fixture.desired, fixture.observed).change("web")?.reason.text ?? ""
        #expect(text.count < 140)
        #expect(text.contains("…"))
    }

    @Test("Two encodings of one letter are two different arguments")
    func bytes() {
        let fixture = PlanFixture("web argv \u{E9}: running argv e\u{301}")
        #expect(Planner.plan(fixture.desired, fixture.observed).change("web")?.action == .restart)
    }

    @Test("A plan shows the drift of services with status start only")
    func drift() {
        let fixture = PlanFixture(
            "a: running drift\nb status ignore: running drift\nc status stop: running drift\n~d: running drift"
        )
        let plan = Planner.plan(fixture.desired, fixture.observed)
        #expect(plan.drift == [Drift(service: QualifiedName("a"), action: "main", text: "process 1 is gone")])
    }

    @Test("A plan warns once about blocked services and about recorded cycles")
    func warnings() {
        let blocked = PlanFixture("db status stop\na requires db\nb requires a")
        let diagnostics = Planner.plan(blocked.desired, blocked.observed).diagnostics
        #expect(diagnostics.map(\.message) == ["core/a waits for core/db, and 1 more is blocked"])
        #expect(diagnostics.map(\.severity) == [.warning])
        let circle = PlanFixture("~a requires b: running\n~b requires a: running")
        #expect(Planner.plan(circle.desired, circle.observed).diagnostics.map(\.code) == ["recorded-cycle"])
        let calm = PlanFixture("a requires b: running\nb: running")
        #expect(Planner.plan(calm.desired, calm.observed).diagnostics == [])
    }

    @Test("A plan of blocked and kept services is empty")
    func counts() {
        let fixture = PlanFixture("a: running\nb status stop\nc requires b\nd requires b: stopped")
        let plan = Planner.plan(fixture.desired, fixture.observed)
        #expect(plan.isEmpty)
        #expect(plan.count(.keep) == 2)
        #expect(plan.count(.blocked) == 2)
    }
}

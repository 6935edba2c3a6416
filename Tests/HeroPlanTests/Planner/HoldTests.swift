import HeroModel
import HeroPlan
import Testing

@Suite("Holds in plans")
struct HoldTests {
    /// The plan at time 10, in which the named services are held until time 20; every plan is verified.
    private func plan(
        _ text: String,
        held: String...,
        until: Int64 = 20,
        editing edit: (inout PlanFixture) -> Void = { _ in }
    ) -> Plan {
        var fixture = PlanFixture(text)
        for name in held {
            let hold = Hold(until: WallTime(microseconds: until), reason: "freeze")
            fixture.desired.services[QualifiedName(name)]?.spec.hold = hold
            fixture.observed.services[QualifiedName(name)]?.hold = hold
        }
        edit(&fixture)
        var options = PlanOptions()
        options.time = WallTime(microseconds: 10)
        let (plan, violations) = PlanInvariants.planAndVerify(fixture.desired, fixture.observed, options)
        #expect(violations == [])
        return plan
    }

    /// The changes in short form; a deferred change begins with `=`.
    private func changes(_ plan: Plan) -> [String] {
        plan.changes.filter { $0.action != .keep }.map { change in
            "\(change.symbol) \(change.service.name) \(change.action.rawValue)"
                + (change.deferred?.holder.map { " with \($0.name)" } ?? "")
        }
    }

    @Test("A change of a held service is deferred, and unrelated changes are made")
    func restart() {
        let plan = plan("db argv 2: running argv 1\nlog argv 2: running argv 1", held: "db")
        #expect(changes(plan) == ["= db restart", "± log restart"])
        #expect(plan.count(.restart) == 1 && plan.deferredChanges.count == 1)
        #expect(plan.stopWaves == [[QualifiedName("log")]])
        #expect(plan.change("db")?.deferred?.reason == "freeze")
        #expect(plan.diagnostics.map(\.code) == ["deferred"])
    }

    @Test("Deferred changes alone are no difference")
    func noDifference() {
        let plan = plan("db argv 2: running argv 1", held: "db")
        #expect(plan.isEmpty && plan.refusals.isEmpty)
    }

    @Test("A held service whose stop was requested before is left as it is")
    func requestedStop() {
        let text = "db status start: running status stop\nweb requires db: running"
        #expect(changes(plan(text, held: "db")) == ["= db update"])
    }

    @Test("A hold that has ended defers nothing")
    func ended() {
        #expect(changes(plan("db argv 2: running argv 1", held: "db", until: 10)) == ["± db restart"])
    }

    @Test("A first start and a stop of a held service are deferred")
    func startAndStop() {
        let plan = plan("new argv 1\nold status stop: running status start", held: "new", "old")
        #expect(changes(plan) == ["= new start", "= old stop"])
    }

    @Test("A service whose manifest has disappeared keeps running while its recorded hold is active")
    func undeclared() {
        #expect(changes(plan("~db argv 1: running", held: "db")) == ["= db stop"])
    }

    @Test("A restart that would stop a held dependent waits with it")
    func cascade() {
        let text = "db argv 2: running argv 1\nweb requires db: running\napp requires web: running\nlog: running argv 1"
        let plan = plan(text, held: "app")
        #expect(changes(plan) == ["= app restart", "= db restart with app"])
        #expect(plan.change("db")?.deferred?.reason == "its restart would stop core/app, which is held (freeze)")
    }

    @Test("A start that needs the port of a held service waits with it")
    func port() {
        let plan = plan("db argv 2: running argv 1\nnew argv 1\nother argv 1", held: "db") { fixture in
            for name in ["db", "new"] {
                fixture.desired.services[QualifiedName(name)]?.spec.actions[0].tcpPorts = [BoundPort(port: 80)]
            }
            let spec = fixture.desired.services[QualifiedName("db")]?.spec
            fixture.desired.services[QualifiedName("db")]?.spec.actions[0].tcpPorts = [BoundPort(port: 81)]
            var recorded = spec
            recorded?.actions[0].tcpPorts = [BoundPort(port: 80)]
            if let recorded {
                fixture.observed.services[QualifiedName("db")] = ObservedService(recorded, .running, isActive: true)
            }
        }
        #expect(changes(plan) == ["= db restart", "= new start with db", "+ other start"])
    }

    @Test("A start into the conflict slot of a held service waits with it")
    func conflict() {
        let text = "blue status stop: running status start\ngreen conflicts blue argv 1"
        #expect(changes(plan(text, held: "blue")) == ["= blue stop", "= green start with blue"])
    }

    @Test("Nothing is stopped for a start that a hold prevents")
    func nothingIsStopped() {
        let text = "new argv 1\nweb requires new argv 2: running argv 1"
        let plan = plan(text, held: "new")
        #expect(plan.change("web")?.action == .blocked)
        #expect(plan.stopWaves.isEmpty && plan.startWaves.isEmpty)
    }

    @Test("A held service that is down is started with the spec that it ran with")
    func healing() {
        let plan = plan("db argv 2: stopped argv 1", held: "db")
        #expect(changes(plan) == ["+ db start"])
        #expect(plan.kept == [KeptService(QualifiedName("db"), isUntouched: false)])
        #expect(plan.change("db")?.reason.text.contains("keeps its present spec") == true)
    }

    @Test("A down ignores holds")
    func down() {
        var fixture = PlanFixture("db argv 2: running argv 1")
        let hold = Hold(until: WallTime(microseconds: 20), reason: "freeze")
        fixture.desired.services[QualifiedName("db")]?.spec.hold = hold
        var options = PlanOptions(down: .userServices)
        options.time = WallTime(microseconds: 10)
        #expect(changes(Planner.plan(fixture.desired, fixture.observed, options)) == ["- db stop"])
    }
}

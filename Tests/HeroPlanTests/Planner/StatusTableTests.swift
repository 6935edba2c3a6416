import HeroModel
import HeroPlan
import Testing

/// The plan of one service for each combination of declared status, state and recorded status.
@Suite("Changes of status")
struct StatusTableTests {
    /// The fixture (declared words, state, recorded words), the action and the reason text without its location.
    static let rows: [(fixture: String, action: PlanAction, text: String)] = [
        ("web status ignore: running status ignore", .keep, "its status is ignore"),
        ("web status ignore argv 2 gen 3: running status ignore argv 1 gen 3", .keep, "its status is ignore"),
        ("web status ignore: stopped status spec", .keep, "its status is ignore"),
        ("web status ignore: running status start", .keep, "its status is ignore"),
        ("web status ignore argv 2: backing_off status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: blocked status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: degraded status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: exited status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: failed status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: starting status start argv 1", .keep, "its status is ignore"),
        ("web status ignore argv 2: stopping status start argv 1", .keep, "its status is ignore"),
        ("web status ignore: stopped status stop", .keep, "its status is ignore"),
        ("web status spec: running status ignore", .stop, "status changed from ignore to spec"),
        ("web status spec: stopped status spec", .keep, "it is already down"),
        ("web status spec: running status start", .stop, "status changed from start to spec"),
        ("web status spec: stopped status stop", .keep, "it is already down"),
        ("web status start: running status ignore", .update, "status changed from ignore to start"),
        ("web status start: stopped status spec", .start, "status changed from spec to start"),
        ("web status start: running status start", .keep, "it matches its manifest"),
        ("web status start: stopped status stop", .start, "status changed from stop to start"),
        ("web status stop: running status ignore", .stop, "status changed from ignore to stop"),
        ("web status stop: stopped status spec", .keep, "it is already down"),
        ("web status stop: backing_off status start", .stop, "status changed from start to stop"),
        ("web status stop: blocked status start", .keep, "it is already down"),
        ("web status stop: degraded status start", .stop, "status changed from start to stop"),
        ("web status stop: exited status start", .stop, "status changed from start to stop"),
        ("web status stop: failed status start", .keep, "it is already down"),
        ("web status stop: running status start", .stop, "status changed from start to stop"),
        ("web status stop: starting status start", .stop, "status changed from start to stop"),
        ("web status stop: stopped status start", .keep, "it is already down"),
        ("web status stop: stopping status start", .stop, "status changed from start to stop"),
        ("web status stop: stopped status stop", .keep, "it is already down"),
    ]

    @Test("A plan follows the declared status of a service in every state", arguments: rows)
    func plan(_ row: (fixture: String, action: PlanAction, text: String)) throws {
        let fixture = PlanFixture(row.fixture)
        let (plan, violations) = PlanInvariants.planAndVerify(fixture.desired, fixture.observed, PlanOptions())
        #expect(violations == [])
        #expect(plan.changes.count == 1)
        let change = try #require(plan.change("web"))
        #expect(change.action == row.action)
        let location = row.text.hasPrefix("status ") ? " (services.d/web.yaml:2)" : ""
        #expect(change.reason.text == row.text + location)
        #expect(change.fields.map(\.path) == (row.action == .keep ? [] : ["status"]))
        #expect(plan.diagnostics == [] && plan.drift == [] && plan.reclaims == [])
    }
}

import HeroModel
import HeroPlan
import Testing

/// A base that is no machine but another set of manifests, taken as up.
@Suite("A declared base")
struct DeclaredBaseTests {
    /// The plan from one set of declarations to another.
    private func plan(from before: String, to after: String) -> Plan {
        let base = Observed(asDeclared: PlanFixture(before).desired)
        let desired = PlanFixture(after).desired
        let plan = Planner.plan(desired, base)
        #expect(PlanInvariants.violations(of: plan, desired: desired, observed: base, options: PlanOptions()) == [])
        return plan
    }

    @Test(
        "what a change of the files would do, with nothing that runs",
        arguments: [
            ("the same set changes nothing", "db\nweb requires db", "db\nweb requires db", ""),
            ("a new service starts", "db", "db\nweb requires db", "+ web declared +0"),
            (
                "a restart takes its dependents along", "db argv 1\nweb requires db\nlog",
                "db argv 2\nweb requires db\nlog",
                "± db spec_changed -1 +0\n± web cascade<db -0 +1"
            ),
            (
                "what is in place restarts nobody", "db limit 1\nweb requires db", "db limit 2\nweb requires db",
                "~ db spec_changed"
            ),
            (
                "what is gone stops, with its dependents first", "db\nweb requires db", "",
                "- db undeclared -1\n- web undeclared -0"
            ),
            (
                "what was down comes up, and what waited for it, too", "db status stop\nweb requires db",
                "db\nweb requires db", "+ db wanted_start +0\n+ web not_running +1"
            ),
            (
                "what is blocked stays blocked and is no difference", "db status stop\nweb requires db",
                "db status stop\nweb requires db", "! web requirement_down(db)"
            ),
            ("hands stay off", "db status ignore\nweb requires db", "db status ignore argv 2\nweb requires db", ""),
            ("a definition that becomes a service starts", "db status spec", "db", "+ db wanted_start +0"),
        ]
    )
    func changes(_ name: String, _ before: String, _ after: String, _ expected: String) {
        #expect(plan(from: before, to: after).compactText == expected, "\(name)")
    }

    @Test("a base has no revision, no drift and nothing that anybody holds")
    func emptyMachine() {
        let base = Observed(asDeclared: PlanFixture("db\nweb requires db").desired)
        #expect(base.revision == 0)
        #expect(base.holders == [])
        #expect(base.services.values.allSatisfy { $0.drift == [] })
    }
}

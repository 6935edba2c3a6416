import HeroModel
import HeroPlan
import Testing

/// Plans whose base is another set of manifests instead of a machine.
@Suite("Plans between two sets of manifests")
struct DeclaredBaseTests {
    /// The plan from one set of manifests to another.
    private func plan(from before: String, to after: String) -> Plan {
        let base = Observed(asDeclared: PlanFixture(before).desired)
        let desired = PlanFixture(after).desired
        let plan = Planner.plan(desired, base)
        #expect(PlanInvariants.violations(of: plan, desired: desired, observed: base, options: PlanOptions()) == [])
        return plan
    }

    @Test(
        "A plan between two sets of manifests shows the effect of a change",
        arguments: [
            ("an equal set changes nothing", "db\nweb requires db", "db\nweb requires db", ""),
            ("a new service starts", "db", "db\nweb requires db", "+ web declared +0"),
            (
                "a restart restarts its dependents", "db argv 1\nweb requires db\nlog",
                "db argv 2\nweb requires db\nlog",
                "± db spec_changed -1 +0\n± web cascade<db -0 +1"
            ),
            (
                "a change in place restarts nothing", "db limit 1\nweb requires db", "db limit 2\nweb requires db",
                "~ db spec_changed"
            ),
            (
                "removed services stop, dependents first", "db\nweb requires db", "",
                "- db undeclared -1\n- web undeclared -0"
            ),
            (
                "a stopped service starts, and its blocked dependent too", "db status stop\nweb requires db",
                "db\nweb requires db", "+ db wanted_start +0\n+ web not_running +1"
            ),
            (
                "a blocked service stays blocked and is no difference", "db status stop\nweb requires db",
                "db status stop\nweb requires db", "! web requirement_down(db)"
            ),
            (
                "status ignore changes nothing", "db status ignore\nweb requires db",
                "db status ignore argv 2\nweb requires db", ""
            ),
            (
                "a service with status spec starts when its status is start", "db status spec", "db",
                "+ db wanted_start +0"
            ),
        ]
    )
    func changes(_ name: String, _ before: String, _ after: String, _ expected: String) {
        #expect(plan(from: before, to: after).compactText == expected, "\(name)")
    }

    @Test("A base of manifests has no revision, no drift and no resource holders")
    func emptyMachine() {
        let base = Observed(asDeclared: PlanFixture("db\nweb requires db").desired)
        #expect(base.revision == 0)
        #expect(base.holders == [])
        #expect(base.services.values.allSatisfy { $0.drift == [] })
    }
}

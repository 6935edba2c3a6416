import Glibc
import HeroModel
import HeroPlan

extension Planner {
    /// Makes a plan and verifies it.
    ///
    /// A plan that violates an invariant is neither shown nor applied.
    ///
    /// - Throws: `CommandError` when the planner has made an invalid plan.
    static func verifiedPlan(
        _ desired: DesiredState,
        _ observed: Observed,
        _ options: PlanOptions = PlanOptions()
    ) throws -> Plan {
        let plan = withInjectedFault(plan(desired, observed, options))
        let violations = PlanInvariants.violations(of: plan, desired: desired, observed: observed, options: options)
        guard let violation = violations.first else { return plan }
        let others = violations.count > 1 ? " (and \(violations.count - 1) more)" : ""
        throw CommandError(
            "internal error: the plan violates the invariant \"\(violation.invariant.rawValue)\""
                + "\(violation.service.map { " at \($0)" } ?? ""): \(violation.text)\(others)",
            help:
                "this is a bug in heroproc, not in the manifests; nothing was changed. Please report it"
        )
    }

    /// Removes the start waves of a plan if `HEROPROC_TEST_PLANNER=forgetful` is set in a debug build.
    ///
    /// Tests use it to see the handling of an invalid plan. A release build ignores the variable.
    private static func withInjectedFault(_ plan: Plan) -> Plan {
        #if DEBUG
            guard getenv("HEROPROC_TEST_PLANNER").map({ String(cString: $0) }) == "forgetful" else { return plan }
            var faulty = plan
            faulty.startWaves = []
            return faulty
        #else
            return plan
        #endif
    }
}

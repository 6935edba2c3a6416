import Glibc
import HeroModel
import HeroPlan

extension Planner {
    /// Makes a plan and has it judged: what breaks a law of plans is never shown as one, and never carried out.
    ///
    /// - Throws: `Refusal` when our own planner has made a mistake.
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
            "cannot use the plan that was made: it breaks the law \"\(violation.invariant.rawValue)\""
                + "\(violation.service.map { " at \($0)" } ?? ""): \(violation.text)\(others)",
            help:
                "this is a bug of heroproc, not a mistake of yours; nothing was changed. Please report it with the manifests"
        )
    }

    /// The plan; in a debug build without its start waves where `HEROPROC_TEST_PLANNER=forgetful` asks for a planner with a
    /// fault: what a mistake of ours leads to must be seen once, and no release can be told to make one.
    private static func withInjectedFault(_ plan: Plan) -> Plan {
        #if DEBUG
            guard getenv("HEROPROC_TEST_PLANNER").map({ String(cString: $0) }) == "forgetful" else { return plan }
            var spoiled = plan
            spoiled.startWaves = []
            return spoiled
        #else
            return plan
        #endif
    }
}

import FoundationEssentials
import Glibc
import HeroJSON
import HeroModel
import HeroPlan
import HeroReconciler

/// A plan that `diff -o json` wrote and a person has approved.
struct SavedPlan: Decodable {
    private struct Change: Decodable {
        struct Reason: Decodable { var code: String }
        struct Deferral: Decodable { var by: String }

        var service: String?
        var standalone: String?
        var action: PlanAction
        /// Present while the change is deferred, so that the plan does not announce it.
        var deferred: Deferral?
        var reason: Reason?
    }

    private struct Finding: Decodable {
        var severity: String
        var message: String
    }

    private var schema: String
    private var baseRevision: RevisionNumber
    private var changes: [Change]
    private var diagnostics: [Finding]
    private var basis: PlanInputs?

    /// Reads a plan from a file.
    ///
    /// - Throws: `CommandError` when the file is not a plan, or the plan cannot be applied.
    static func read(_ path: String) throws -> (plan: SavedPlan, basis: PlanInputs) {
        guard let file = LogFile(path), let bytes = file.read(from: 0, upTo: file.size) else {
            throw CommandError("cannot read the plan \(path): \(String(cString: strerror(errno)))", help: remedy)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let plan = try? decoder.decode(SavedPlan.self, from: Data(bytes)), plan.schema == "heroproc/plan/v1"
        else {
            throw CommandError("cannot apply \(path): it is not a plan of schema heroproc/plan/v1", help: remedy)
        }
        if let error = plan.diagnostics.first(where: { $0.severity == "error" }) {
            throw CommandError(
                "cannot apply \(path): the plan was already refused by `diff`: \(error.message)",
                help: remedy
            )
        }
        guard let basis = plan.basis else {
            throw CommandError("cannot apply \(path): it does not contain its inputs (`basis`)", help: remedy)
        }
        guard basis.against == ComparisonBase.runtime.description else {
            throw CommandError(
                "cannot apply \(path): it compares with \(basis.against), not with the running services",
                help: "make the plan without --against: `heroproc diff -o json > plan.json`"
            )
        }
        return (plan, basis)
    }

    /// Describes the first difference to a plan made now; nil if there is none.
    func firstDifference(_ basis: PlanInputs, _ prepared: PreparedPlan, base: RevisionNumber) -> String? {
        guard baseRevision == base else {
            return "it starts from revision \(baseRevision), but revision \(base) is applied now"
        }
        if let difference = basis.firstDifference(PlanInputs(prepared)) { return difference }
        guard let plan = prepared.plan else { return nil }
        return expectation.firstDifference(in: plan)
    }

    /// The changes that the plan announces.
    ///
    /// The reconciler refuses to do anything else.
    var expectation: PlanExpectation {
        var actions: [String: PlanAction] = [:]
        var healed: Set<String> = []
        for change in changes {
            guard let name = change.service ?? change.standalone.map({ "standalone \($0)" }) else { continue }
            guard change.deferred == nil else { continue }
            actions[name] = change.action
            if change.action == .start, change.reason?.code == Reason.Code.notRunning.rawValue { healed.insert(name) }
        }
        return PlanExpectation(baseRevision: baseRevision, actions: actions, healed: healed)
    }

    /// The help text for a plan that no longer applies.
    static let remedy = "make a new plan and review it: `heroproc diff -o json > plan.json`"
}

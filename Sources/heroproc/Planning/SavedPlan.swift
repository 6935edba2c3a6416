import FoundationEssentials
import Glibc
import HeroModel
import HeroPlan
import HeroReconciler

/// A plan that `diff -o json` wrote and somebody has agreed to.
struct SavedPlan: Decodable {
    private struct Change: Decodable {
        var service: String?
        var standalone: String?
        var action: PlanAction
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

    /// Reads one.
    ///
    /// - Throws: `Refusal` when it is none, or none that can be applied.
    static func read(_ path: String) throws -> (plan: SavedPlan, basis: PlanInputs) {
        guard let file = LogFile(path), let bytes = file.read(from: 0, most: file.size) else {
            throw CommandError("cannot read the plan \(path): \(String(cString: strerror(errno)))", help: remedy)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let plan = try? decoder.decode(SavedPlan.self, from: Data(bytes)), plan.schema == "heroproc/plan/v1"
        else {
            throw CommandError("cannot apply \(path): it is no plan of schema heroproc/plan/v1", help: remedy)
        }
        if let error = plan.diagnostics.first(where: { $0.severity == "error" }) {
            throw CommandError("cannot apply \(path): it was refused when it was made: \(error.message)", help: remedy)
        }
        guard let basis = plan.basis else {
            throw CommandError("cannot apply \(path): it does not say what it was made of", help: remedy)
        }
        guard basis.against == ComparisonBase.runtime.description else {
            throw CommandError(
                "cannot apply \(path): it compares with \(basis.against), and not with what runs",
                help: "make it without --against: `heroproc diff -o json > plan.json`"
            )
        }
        return (plan, basis)
    }

    /// What is no longer as it was when it was made, in words; nil when it is still the plan.
    func firstDifference(_ basis: PlanInputs, _ reading: PreparedPlan, base: RevisionNumber) -> String? {
        guard baseRevision == base else {
            return "it starts from revision \(baseRevision), and revision \(base) is applied by now"
        }
        if let moved = basis.firstDifference(PlanInputs(reading)) { return moved }
        guard let plan = reading.plan else { return nil }
        return expectation.firstDifference(in: plan)
    }

    /// What it says will happen, for the reconciler to hold it to.
    var expectation: PlanExpectation {
        var actions: [String: PlanAction] = [:]
        for change in changes {
            guard let name = change.service ?? change.standalone.map({ "standalone \($0)" }) else { continue }
            actions[name] = change.action
        }
        return PlanExpectation(baseRevision: baseRevision, actions: actions)
    }

    /// What to do when a plan does not hold.
    static let remedy = "make a new one and look at it: `heroproc diff -o json > plan.json`"
}

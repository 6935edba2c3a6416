import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

/// A plan with all that it was made of.
struct PreparedPlan {
    /// What it leads to.
    let wanted: DesiredManifests
    /// What it starts from.
    let base: ComparisonBase
    /// What was asked of the planner.
    let options: PlanOptions
    /// The plan; nil where the manifests have mistakes.
    let plan: Plan?
    /// The digest of what the manifests mean, every variable filled in.
    let meaning: String

    /// Reads the manifests and plans; touches nothing.
    ///
    /// - Throws: `Refusal`, `MistakenBase`.
    init(
        _ composition: Workspace,
        _ base: ComparisonBase = .runtime,
        revision: RevisionNumber? = nil,
        _ variables: VariableOptions,
        _ options: PlanOptions,
        output: Output
    ) throws {
        self.base = base
        self.options = options
        wanted = try composition.desiredManifests(revision, variables)
        guard let desired = wanted.result.desired else {
            plan = nil
            meaning = ""
            // Where nothing that ran is asked about, nothing of it is read.
            if base == .runtime { composition.noteMissingVariables(wanted.result, output) }
            return
        }
        let observed = try composition.observeBase(base, for: desired, variables, output: output)
        let names = Set(desired.services.keys).union(observed.services.keys)
            .union(desired.actions.keys).union(observed.standalone.keys)
        try KnownNames(names.sorted()).requireKnown(options.only, inPlan: true)
        plan = try Planner.verifiedPlan(desired, observed, options)
        meaning = Self.digest(desired)
    }

    /// The code that `diff` leaves with.
    var code: ExitCode {
        guard let plan, plan.refusals.isEmpty else { return .refused }
        return plan.isEmpty ? .success : .differs
    }

    private static func digest(_ desired: DesiredState) -> String {
        var text = ""
        for (name, service) in desired.services.sorted(by: { $0.key < $1.key }) {
            text += "service \(name)\n\(CanonicalSpec(service.spec).text)"
        }
        for (name, action) in desired.actions.sorted(by: { $0.key < $1.key }) {
            text += "action \(name)\n\(CanonicalSpec(standalone: action.spec).text)"
        }
        return contentDigest(text.utf8)
    }
}

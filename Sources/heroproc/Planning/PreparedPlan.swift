import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

/// A plan with its inputs.
struct PreparedPlan {
    /// The desired manifests.
    let manifests: DesiredManifests
    /// The base of the comparison.
    let base: ComparisonBase
    /// The options of the plan.
    let options: PlanOptions
    /// The plan; nil if the manifests have errors.
    let plan: Plan?
    /// The digest of the decoded manifests, with every variable replaced.
    let meaning: String

    /// Reads the manifests and makes the plan.
    ///
    /// Changes nothing. `selectors` limits the plan further to services that only the manifests can name.
    ///
    /// - Throws: `CommandError`, `InvalidBaseError`.
    init(
        _ workspace: Workspace,
        _ base: ComparisonBase = .runtime,
        revision: RevisionNumber? = nil,
        _ variables: VariableOptions,
        _ options: PlanOptions,
        only selectors: [SelectorArgument] = [],
        output: Output
    ) throws {
        self.base = base
        var manifests = try workspace.desiredManifests(revision, variables)
        if base == .runtime, options.prunes { try workspace.checkUnreadDeclarations(&manifests) }
        self.manifests = manifests
        guard let desired = manifests.result.desired else {
            plan = nil
            meaning = ""
            self.options = options
            // The other bases need no state directory, so it is not read for them.
            if base == .runtime { workspace.noteMissingVariables(manifests.result, output) }
            return
        }
        let observed = try workspace.observeBase(base, for: desired, variables, output: output)
        let names = Set(desired.services.keys).union(observed.services.keys)
            .union(desired.actions.keys).union(observed.standalone.keys)
        try KnownNames(names.sorted()).requireKnown(options.only, inPlan: true)
        var options = options
        options.time = workspace.now
        options.goesBack = revision != nil
        if !selectors.isEmpty { options.only = try Selectable(names, desired).select(selectors, inPlan: true) }
        self.options = options
        plan = try Planner.verifiedPlan(desired, observed, options)
        meaning = Self.digest(desired)
    }

    /// The exit code of `diff`.
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

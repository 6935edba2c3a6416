import ArgumentParser
import HeroModel
import HeroPlan

/// The options of `diff` and `apply` that select the manifests and limit the plan.
struct PlanArguments: ParsableArguments {
    @OptionGroup var variables: VariableOptions

    @Option(
        help: ArgumentHelp(
            "Use the manifests of a recorded revision instead of the services directory, to go back to it.",
            valueName: "number"
        )
    )
    var revision: RevisionNumber?

    @Option(
        help: ArgumentHelp(
            "Limit the plan to services and those that must follow: NAME, CONTEXT/ or tag:NAME; repeatable.",
            valueName: "name"
        )
    )
    var only: [SelectorArgument] = []

    @Flag(help: "Do not stop services that no manifest declares any more.")
    var noPrune = false

    @Flag(help: "Refuse a plan that must stop a process because it holds a port or a socket.")
    var noKill = false

    @Flag(help: "Allow stops and restarts of services with `protect: true`.")
    var allowProtected = false

    @Flag(help: "Allow more stops and restarts than `max_disruption` permits.")
    var allowDisruption = false

    @Flag(help: "Allow stopping services that could not start again on this machine.")
    var allowBroken = false

    @Flag(help: "Allow stops and restarts by manifests of another directory than that of the last revision.")
    var switchDir = false

    @Flag(name: .shortAndLong, help: "Show everything: unchanged services, every field, every name of a wave.")
    var verbose = false

    /// The options for the planner, without the selection of services, which needs the manifests.
    var options: PlanOptions {
        PlanOptions(
            prunes: !noPrune,
            allowsReclaims: !noKill,
            allowsProtected: allowProtected,
            allowsDisruption: allowDisruption,
            allowsBroken: allowBroken
        )
    }

    func validate() throws {
        if let revision, revision < 1 { throw ValidationError("--revision must be at least 1.") }
        if revision != nil, !variables.values.isEmpty {
            throw ValidationError("--var cannot be used with --revision: a revision is recorded with its values.")
        }
    }
}

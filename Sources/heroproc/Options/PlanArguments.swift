import ArgumentParser
import HeroModel
import HeroPlan

/// What a plan is made of, and what it may do: the same for `diff` and `apply`.
struct PlanArguments: ParsableArguments {
    @OptionGroup var variables: VariableOptions

    @Option(
        help: ArgumentHelp(
            "The manifests of a recorded revision instead of the services directory: to go back to it.",
            valueName: "number"
        )
    )
    var revision: RevisionNumber?

    @Option(
        help: ArgumentHelp(
            "Narrow the plan to a service and what it drags along; may be given several times.",
            valueName: "name"
        )
    )
    var only: [ServiceArgument] = []

    @Flag(help: "Leave services alone that no manifest declares any more.")
    var noPrune = false

    @Flag(help: "Refuse where a process that holds a port or a socket would have to be stopped.")
    var noKill = false

    @Flag(help: "Services with `protect: true` may be stopped and restarted.")
    var allowProtected = false

    @Flag(help: "More services may be stopped and restarted than `max_disruption` says.")
    var allowDisruption = false

    @Flag(name: .shortAndLong, help: "Leave nothing out: kept services, every field, every name of a wave.")
    var verbose = false

    /// The same for the planner.
    var options: PlanOptions {
        PlanOptions(
            prunes: !noPrune,
            only: Set(only.map(\.name)).sorted(),
            allowsReclaims: !noKill,
            allowsProtected: allowProtected,
            allowsDisruption: allowDisruption
        )
    }

    func validate() throws {
        if let revision, revision < 1 { throw ValidationError("--revision begins at 1.") }
        if revision != nil, !variables.values.isEmpty {
            throw ValidationError("--var does not go with --revision: a revision is recorded with its values.")
        }
    }
}

/// What a plan compares the manifests with.
enum ComparisonBase: Hashable, CustomStringConvertible, ExpressibleByArgument {
    /// What runs.
    case runtime
    /// The manifests that were recorded with a revision, taken as up.
    case revision(RevisionNumber)
    /// The manifests of another folder, taken as up.
    case directory(String)
    /// The services directory at a commit, taken as up.
    case git(String)

    /// Reads `runtime`, `revision:N`, `dir:PATH` or `git:REF`.
    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        switch parts.first {
        case "runtime" where parts.count == 1: self = .runtime
        case "revision":
            guard let number = RevisionNumber(value), number > 0 else { return nil }
            self = .revision(number)
        case "dir" where !value.isEmpty: self = .directory(value)
        case "git" where !value.isEmpty: self = .git(value)
        default: return nil
        }
    }

    /// As it was typed.
    var description: String {
        switch self {
        case .runtime: "runtime"
        case .revision(let number): "revision:\(number)"
        case .directory(let path): "dir:\(path)"
        case .git(let ref): "git:\(ref)"
        }
    }

    var defaultValueDescription: String { description }
}

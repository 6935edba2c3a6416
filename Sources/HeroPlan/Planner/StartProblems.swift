import HeroModel

extension Plan {
    /// The code of a refusal to stop a service that could not start again.
    static let cannotStartAgain = "cannot-start-again"

    /// Adds a warning for each start that would fail, and an error where a running service would be stopped for it.
    mutating func addStartProblems(_ builder: PlanBuilder, _ desired: DesiredState, _ observed: Observed) {
        guard !observed.startProblems.isEmpty, builder.options.down == .none else { return }
        let changes = Dictionary(
            self.changes.map { (ChangeKey(name: $0.service, isStandalone: $0.isStandalone), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for problem in observed.startProblems {
            let key = ChangeKey(name: problem.service, isStandalone: problem.isStandalone)
            guard let change = changes[key], change.action.includesStart else { continue }
            let isRefused = change.action.includesStop && !builder.options.allowsBroken && builder.isRunning(change)
            diagnostics.append(problem.diagnostic(isRefused: isRefused, in: desired))
        }
    }

    private struct ChangeKey: Hashable {
        var name: QualifiedName
        var isStandalone: Bool
    }
}

extension PlanBuilder {
    /// Whether the service of a change has running programs.
    fileprivate func isRunning(_ change: Change) -> Bool {
        guard !change.isStandalone, let number = indexByName[change.service] else { return false }
        return services[Int(number)].observed?.isRunning ?? false
    }
}

extension ObservedStartProblem {
    fileprivate func diagnostic(isRefused: Bool, in desired: DesiredState) -> Diagnostic {
        let location =
            isStandalone
            ? desired.actions[service]?.location(of: field)
            : desired.services[service]?.location(of: "actions.\(action).\(field)")
        guard isRefused else {
            let name = isStandalone ? "\(service)" : "\(service).\(action)"
            return Diagnostic(
                .warning,
                code: "cannot-start",
                "\(name) would not start on this machine: \(failure)",
                at: location
            )
        }
        return Diagnostic(
            .error,
            code: Plan.cannotStartAgain,
            "cannot stop \(service), because \(action) would not start again: \(failure)",
            help: "correct it, or allow the stop with `--allow-broken`",
            at: location
        )
    }
}

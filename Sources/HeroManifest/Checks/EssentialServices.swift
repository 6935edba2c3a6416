internal import HeroModel

extension ManifestSet {
    /// Reports essential services that can never end for good.
    mutating func checkEssentialServices() {
        let settings = settings.first?.settings ?? Settings()
        for index in services.indices where services[index].spec.isEssential {
            let used = usedActions[index]
            guard !used.isEmpty, !services[index].hasInvalidItems,
                used.allSatisfy({ !canEnd($0, in: index, settings) })
            else { continue }
            let runsOnce = used.contains { spec(of: $0, in: index).runsOnce }
            report(
                .neverEnds,
                runsOnce
                    ? "`essential` has no effect: an action with `once` does not end at every start"
                    : "`essential` has no effect: its programs are restarted after every end",
                help: runsOnce
                    ? "add an action without `once` that can end, or remove `essential`"
                    : "set `restart: on_failure` or `retry: {max_attempts: 3}` in an action, or remove `essential`",
                in: services[index].file,
                at: services[index].span(of: "essential")
            )
        }
    }

    /// Whether an action can end so that it is not started again.
    private func canEnd(_ used: UsedAction, in service: Int, _ settings: Settings) -> Bool {
        let draft =
            switch used {
            case .inline(let index): services[service].inlineActions[index]
            case .document(let index, _): actions[index]
            }
        let spec = draft.spec(applyingDefaultsOf: settings)
        guard spec.occasion == .start, !spec.runsOnce else { return false }
        return !spec.isProcess || spec.restart != .always || spec.retry.maxAttempts > 0
    }
}

internal import HeroModel

extension ManifestSet {
    /// Reports services whose actions all have `when: stopped`, so that nothing could be stopped before them.
    mutating func checkStoppedActions() {
        for index in services.indices {
            let used = usedActions[index]
            guard !used.isEmpty, !services[index].hasInvalidItems,
                used.allSatisfy({ spec(of: $0, in: index).occasion == .stopped }), let first = used.first
            else { continue }
            report(
                .misplacedWhen,
                "all actions of this service have `when: stopped`, so nothing of it ever starts",
                help: "add an action that runs while the service is up, or remove `when`",
                in: services[index].file,
                at: span(of: first, in: index)
            )
        }
    }

    /// The spec of an action that a service uses, without the defaults of the settings.
    func spec(of used: UsedAction, in service: Int) -> ActionSpec {
        switch used {
        case .inline(let index): services[service].inlineActions[index].spec
        case .document(let index, _): actions[index].spec
        }
    }
}

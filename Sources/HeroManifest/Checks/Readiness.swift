internal import HeroModel

extension ManifestSet {
    /// Reports actions whose `ready.alive_for` is not below their `start_timeout`, which the settings may set.
    mutating func checkReadiness() {
        let settings = settings.first?.settings ?? Settings()
        for service in services {
            for action in service.inlineActions { checkReadiness(action, settings) }
        }
        for action in actions { checkReadiness(action, settings) }
    }

    private mutating func checkReadiness(_ draft: ActionDraft, _ settings: Settings) {
        guard case .aliveFor(let time) = draft.spec.ready?.check, let span = draft.span(of: "ready.alive_for") else {
            return
        }
        let limit = draft.spec(applyingDefaultsOf: settings).startTimeout
        guard time >= limit else { return }
        report(
            .outOfRange,
            "`ready.alive_for` must be below `start_timeout` (\(Canonical.duration(limit))), "
                + "not `\(Canonical.duration(time))`",
            help: "lower it, or raise `start_timeout`",
            in: draft.file,
            at: span
        )
    }
}

internal import HeroModel

extension ManifestSet {
    /// Reports `retry.within` where `max_attempts`, which the settings may set, is not at least 2.
    mutating func checkRetries() {
        let settings = settings.first?.settings ?? Settings()
        for service in services {
            for action in service.inlineActions { checkRetries(action, settings) }
        }
        for action in actions { checkRetries(action, settings) }
    }

    private mutating func checkRetries(_ draft: ActionDraft, _ settings: Settings) {
        guard let span = draft.span(of: "retry.within") else { return }
        let retry = draft.spec(applyingDefaultsOf: settings).retry
        guard retry.within != nil, retry.maxAttempts < 2 else { return }
        report(
            .missingKey,
            "`retry.within` needs a `max_attempts` of at least 2, not \(retry.maxAttempts)",
            help: "add `max_attempts: 5` to `retry`, or remove `within`",
            in: draft.file,
            at: span
        )
    }
}

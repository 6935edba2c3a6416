internal import HeroModel

extension ManifestSet {
    /// Reports `until: ended` for a service without a one-shot, because such a service never ends by itself.
    mutating func checkRequirementCanEnd(
        of targetIndex: Int,
        requiredBy index: Int,
        _ reference: ServiceDraft.Reference
    ) {
        guard let span = reference.untilSpan, reference.until == .ended else { return }
        let target = services[targetIndex]
        let hasUnknownActions = target.hasInvalidItems || usedActions[targetIndex].isEmpty
        guard !hasUnknownActions, usedActions[targetIndex].allSatisfy({ neverEnds(spec(of: $0, in: targetIndex)) })
        else {
            return
        }
        report(
            .neverEnds,
            "`until: ended` waits for one-shots of `\(reference.target)`, which has none",
            help: "write `until: up` or `until: started`, or set `is_process: false` in the action that ends",
            in: services[index].file,
            at: span,
            notes: [source(target.file).note("the service without a one-shot", at: target.span)]
        )
    }

    /// Whether an action does not end while its service should be up.
    private func neverEnds(_ action: ActionSpec) -> Bool { action.isProcess || action.occasion == .stopped }
}

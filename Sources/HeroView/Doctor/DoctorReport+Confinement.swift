import HeroModel

extension DoctorReport {
    /// Which actions have a sandbox, and which run as root without any restriction.
    static func confinement(_ summary: ConfinementSummary?, asRoot: Bool) -> [DoctorCheck] {
        guard let summary, summary.actions > 0 else { return [] }
        return [sandbox(summary, asRoot: asRoot)]
            + (summary.unconfined.isEmpty ? [] : [.fine(.manifests, "exposure", exposure(summary))])
    }

    private static func sandbox(_ summary: ConfinementSummary, asRoot: Bool) -> DoctorCheck {
        let count = summary.sandboxed.count
        let text = "\(count) of \(counted(summary.actions, "action")) \(count == 1 ? "has" : "have") a sandbox"
        guard count > 0, !asRoot else { return .fine(.manifests, "sandbox", text) }
        return .warning(
            .manifests,
            "sandbox",
            "\(text), and only root can start a program in one",
            "the start of \(names(summary.sandboxed)) fails",
            help: "run heroproc as root, or remove `sandbox`"
        )
    }

    private static func exposure(_ summary: ConfinementSummary) -> String {
        let verb = summary.unconfined.count == 1 ? "runs" : "run"
        return "\(names(summary.unconfined)) \(verb) as root without `capabilities` or `sandbox`"
    }

    /// The first three names, and the number of the others.
    private static func names(_ all: [String]) -> String {
        let shown = all.prefix(3).joined(separator: ", ")
        return all.count > 3 ? "\(shown) and \(all.count - 3) more" : shown
    }
}

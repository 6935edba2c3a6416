import HeroModel

extension Plan {
    /// What the plan stops or restarts although it was made from another directory than the last revision.
    ///
    /// - Parameters:
    ///   - old: The services directory of the last revision.
    ///   - new: The services directory of the plan, which is another one.
    /// - Returns: the problem as the end of a message; nil if nothing stops: such a plan needs no confirmation.
    public func directorySwitchProblem(from old: String, to new: String) -> String? {
        let names = changes.filter(\.actionNow.includesStop).map(\.service.description)
        guard !names.isEmpty else { return nil }
        let shown = 5
        var list = names.prefix(shown).joined(separator: ", ")
        if names.count > shown { list += " and \(names.count - shown) more" }
        return "revision \(baseRevision) was applied from \(old), not from \(new), and this would stop \(list)"
    }
}

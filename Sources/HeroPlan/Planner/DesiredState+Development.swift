public import HeroModel

extension DesiredState {
    /// The manifests for a developer's machine: the selected services with everything that they require, without the
    /// limits that protect a production machine.
    ///
    /// - Parameter selected: the selected services and standalone actions; nil selects everything.
    /// - Returns: the changed manifests.
    public func forDevelopment(selecting selected: Set<QualifiedName>?) -> DesiredState {
        var result = self
        result.settings.maxDisruption = nil
        for name in result.services.keys {
            result.services[name]?.spec.isProtected = false
            result.services[name]?.spec.hold = nil
        }
        guard let selected else { return result }
        var kept: Set<QualifiedName> = []
        var open = Array(selected)
        while let name = open.popLast() {
            guard kept.insert(name).inserted else { continue }
            open += services[name]?.spec.requires ?? []
        }
        result.services = result.services.filter { kept.contains($0.key) }
        result.actions = result.actions.filter { !$0.value.spec.isStandalone || selected.contains($0.key) }
        return result
    }
}

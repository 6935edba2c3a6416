public import HeroModel

extension DesiredState {
    /// Warnings about limits that a machine cannot enforce as declared (SP-5), sorted by name.
    ///
    /// Services that heroproc does not run, and actions that only services use, get no warnings of their own.
    public func limitWarnings(
        on machine: ContainmentSupport,
        where isIncluded: (QualifiedName) -> Bool = { _ in true }
    ) -> [Diagnostic] {
        let none = ResourceLimits()
        let limited = services.lazy.filter { $0.value.spec.actions.contains { $0.limits != none } }
        let ofServices = limited.map(\.key).sorted().flatMap { name -> [Diagnostic] in
            guard let service = services[name], service.spec.status == .start, isIncluded(name) else { return [] }
            return service.spec.actions.flatMap { action in
                action.limits.unenforcedLimits(on: machine).map { limit in
                    limit.warning(
                        of: "\(name).\(action.name)",
                        at: service.location(of: "actions.\(action.name).limits.\(limit.key)")
                    )
                }
            }
        }
        let standalone = actions.keys.sorted().flatMap { name -> [Diagnostic] in
            guard let action = actions[name], action.spec.isStandalone, isIncluded(name) else { return [] }
            return action.spec.limits.unenforcedLimits(on: machine).map { limit in
                limit.warning(of: "\(name)", at: action.location(of: "limits.\(limit.key)"))
            }
        }
        return ofServices + standalone
    }
}

/// A limit that a machine cannot enforce as declared.
private struct UnenforcedLimit {
    var key: String
    /// What the limit does instead.
    var consequence: String
    var cause = "heroproc has no cgroup v2 for it here"
    var help: String

    func warning(of name: String, at location: ManifestLocation) -> Diagnostic {
        Diagnostic(
            .warning,
            code: "limit-not-available",
            "`limits.\(key)` of \(name) \(consequence), because \(cause)",
            help: help,
            at: location
        )
    }
}

extension ResourceLimits {
    private func limitsAboveMaximum(_ maximum: ResourceLimits) -> [UnenforcedLimit] {
        Self.processKinds.compactMap { kind in
            guard let wanted = kind.limit(self), let maximum = kind.limit(maximum), wanted.hard > maximum.hard else {
                return nil
            }
            let possible = ProcessLimit(soft: min(wanted.soft, maximum.hard), hard: maximum.hard)
            let key = kind.key
            let unitName = key == "address_space" ? "AS" : key.uppercased()
            let text = possible.text { kind.isSize ? Canonical.size($0) : String($0) }
            return UnenforcedLimit(
                key: key,
                consequence: "is set to \(text)",
                cause: "heroproc may not exceed its own hard limit",
                help: "raise the limit of heroproc (`Limit\(unitName)=` of its unit), or run it as root"
            )
        }
    }

    fileprivate func unenforcedLimits(on machine: ContainmentSupport) -> [UnenforcedLimit] {
        var found = limitsAboveMaximum(machine.maximumLimits)
        if memoryBytes != nil, !machine.limitsMemory {
            found.append(
                UnenforcedLimit(
                    key: "memory",
                    consequence: "is not enforced",
                    help: "run heroproc with a writable cgroup v2 that has the `memory` controller"
                )
            )
        }
        if treeProcesses != nil, !machine.limitsProcesses {
            found.append(
                UnenforcedLimit(
                    key: "pids",
                    consequence: "has no effect",
                    help: "give the action its own user, and set `limits.nproc`"
                )
            )
        }
        if processors != nil, !machine.limitsProcessors {
            found.append(
                UnenforcedLimit(
                    key: "cpu",
                    consequence: "has no effect",
                    help: "remove it, or run the action on a machine that supports it"
                )
            )
        }
        return found
    }
}

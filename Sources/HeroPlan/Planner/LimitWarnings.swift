public import HeroModel

extension DesiredState {
    /// What its limits will not do on a machine (reliability.md SP-5), sorted by name.
    ///
    /// Services that are never run by heroproc, and actions that only services use, have nothing to say of themselves.
    public func limitWarnings(
        on machine: ContainmentSupport,
        where isAsked: (QualifiedName) -> Bool = { _ in true }
    ) -> [Diagnostic] {
        let none = ResourceLimits()
        let limited = services.lazy.filter { $0.value.spec.actions.contains { $0.limits != none } }
        let ofServices = limited.map(\.key).sorted().flatMap { name -> [Diagnostic] in
            guard let service = services[name], service.spec.status == .start, isAsked(name) else { return [] }
            return service.spec.actions.flatMap { action in
                action.limits.unenforcedLimits(on: machine).map { found in
                    found.warning(
                        of: "\(name).\(action.name)",
                        at: service.location(of: "actions.\(action.name).limits.\(found.key)")
                    )
                }
            }
        }
        let standalone = actions.keys.sorted().flatMap { name -> [Diagnostic] in
            guard let action = actions[name], action.spec.isStandalone, isAsked(name) else { return [] }
            return action.spec.limits.unenforcedLimits(on: machine).map { found in
                found.warning(of: "\(name)", at: action.location(of: "limits.\(found.key)"))
            }
        }
        return ofServices + standalone
    }
}

/// A limit that a machine cannot hold as it is meant.
private struct UnenforcedLimit {
    var key: String
    /// What becomes of it.
    var consequence: String
    var help: String

    func warning(of name: String, at place: ManifestLocation) -> Diagnostic {
        Diagnostic(
            .warning,
            code: "limit-not-available",
            "`limits.\(key)` of \(name) \(consequence): only a cgroup v2 could do more, and heroproc has none for it here",
            help: help,
            at: place
        )
    }
}

extension ResourceLimits {
    fileprivate func unenforcedLimits(on machine: ContainmentSupport) -> [UnenforcedLimit] {
        var found: [UnenforcedLimit] = []
        if memoryBytes != nil, !machine.limitsMemory {
            found.append(
                UnenforcedLimit(
                    key: "memory",
                    consequence: "holds for the address space of each of its processes, not for all of them together",
                    help: "leave room for what programs only reserve and never use"
                )
            )
        }
        if treeProcesses != nil, !machine.limitsProcesses {
            found.append(
                UnenforcedLimit(
                    key: "pids",
                    consequence: "has no effect",
                    help: "give the action a user of its own, and set `limits.nproc`"
                )
            )
        }
        if processors != nil, !machine.limitsProcessors {
            found.append(
                UnenforcedLimit(
                    key: "cpu",
                    consequence: "has no effect",
                    help: "take it out, or leave it for a machine that can"
                )
            )
        }
        return found
    }
}

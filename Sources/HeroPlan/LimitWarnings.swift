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
                action.limits.shortcomings(on: machine).map { found in
                    found.warning(
                        of: "\(name).\(action.name)",
                        at: service.location(of: "actions.\(action.name).limits.\(found.key)")
                    )
                }
            }
        }
        let standalone = actions.keys.sorted().flatMap { name -> [Diagnostic] in
            guard let action = actions[name], action.spec.isStandalone, isAsked(name) else { return [] }
            return action.spec.limits.shortcomings(on: machine).map { found in
                found.warning(of: "\(name)", at: action.location(of: "limits.\(found.key)"))
            }
        }
        return ofServices + standalone
    }
}

/// A limit that a machine cannot hold as it is meant.
private struct Shortcoming {
    var key: String
    /// What becomes of it.
    var effect: String
    var help: String

    func warning(of name: String, at place: ManifestLocation) -> Diagnostic {
        Diagnostic(
            .warning,
            code: "limit-not-available",
            "`limits.\(key)` of \(name) \(effect): only a cgroup v2 could do more, and heroproc has none for it here",
            help: help,
            at: place
        )
    }
}

extension ResourceLimits {
    fileprivate func shortcomings(on machine: ContainmentSupport) -> [Shortcoming] {
        var found: [Shortcoming] = []
        if memoryBytes != nil, !machine.limitsMemory {
            found.append(
                Shortcoming(
                    key: "memory",
                    effect: "holds for the address space of each of its processes, not for all of them together",
                    help: "leave room for what programs only reserve and never use"
                )
            )
        }
        if treeProcesses != nil, !machine.limitsProcesses {
            found.append(
                Shortcoming(
                    key: "pids",
                    effect: "has no effect",
                    help: "give the action a user of its own, and set `limits.nproc`"
                )
            )
        }
        if processors != nil, !machine.limitsProcessors {
            found.append(
                Shortcoming(
                    key: "cpu",
                    effect: "has no effect",
                    help: "take it out, or leave it for a machine that can"
                )
            )
        }
        return found
    }
}

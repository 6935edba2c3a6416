internal import HeroModel

extension ManifestSet {
    /// Finds whom each service refers to; judges names that are not declared, itself, and those that never come up.
    mutating func resolveReferences() {
        dependencies.reserveCapacity(services.count)
        for number in services.indices {
            let service = services[number]
            var edges: [Dependency] = []
            for reference in service.references {
                if service.isNamed, reference.target == service.spec.name {
                    report(
                        .selfReference,
                        "the service `\(service.spec.name.name)` names itself in `\(reference.key.rawValue)`",
                        help: "remove it",
                        in: service.file,
                        at: reference.span
                    )
                } else if let target = serviceNumbers[reference.target] {
                    edges.append(Dependency(target: target, key: reference.key, span: reference.span))
                    judgeStatus(of: services[target], requiredBy: service, reference)
                } else {
                    reportUnknownService(reference, of: service)
                }
            }
            dependencies.append(edges)
        }
    }

    private mutating func reportUnknownService(_ reference: ServiceDraft.Reference, of service: ServiceDraft) {
        guard !unreadNames.contains(reference.target.name) else { return }
        let key = reference.key.rawValue
        let isHard = reference.key == .requires
        let (suggestion, help) = advice(
            reference.target,
            serviceNumbers.keys,
            in: service.spec.name.context,
            missing: isHard ? "declare it, or remove the name" : "it is ignored until it is declared"
        )
        report(
            .unknownReference,
            "`\(key)` refers to `\(reference.target)`, which is no declared service\(suggestion)",
            help: help,
            in: service.file,
            at: reference.span,
            severity: isHard ? .error : .warning
        )
    }

    private mutating func judgeStatus(
        of target: ServiceDraft,
        requiredBy service: ServiceDraft,
        _ reference: ServiceDraft.Reference
    ) {
        guard reference.key == .requires, service.spec.status == .start else { return }
        switch target.spec.status {
        case .start, .ignore: return
        case .stop, .spec: break
        }
        report(
            .requiresStopped,
            "`requires` names `\(reference.target)`, whose status is `\(target.spec.status.rawValue)`: this service stays down",
            help: "set `status: start` there, or `status: stop` here too",
            in: service.file,
            at: reference.span,
            notes: [source(target.file).note("its status", at: target.span(of: "status"))],
            severity: .warning
        )
    }
}

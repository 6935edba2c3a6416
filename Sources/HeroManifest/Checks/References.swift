internal import HeroModel

extension ManifestSet {
    /// Finds whom each service refers to; judges names that are not declared, itself, and those that never come up.
    mutating func resolveReferences() {
        dependencies.reserveCapacity(services.count)
        conflicts.reserveCapacity(services.count)
        for number in services.indices {
            var edges: [Relation] = []
            var foes: [Relation] = []
            for reference in services[number].references {
                let target = serviceIndexByName[reference.target]
                if target == number {
                    report(
                        .selfReference,
                        "the service `\(reference.target.name)` names itself in `\(reference.kind.rawValue)`",
                        help: "remove it",
                        in: services[number].file,
                        at: reference.span
                    )
                } else if let target {
                    let edge = Relation(target: target, kind: reference.kind, span: reference.span)
                    switch reference.kind {
                    case .requires:
                        edges.append(edge)
                        warnIfRequirementIsDown(of: target, requiredBy: number, reference)
                    case .after, .wants: edges.append(edge)
                    case .conflicts: foes.append(edge)
                    }
                } else {
                    reportUnknownService(reference, of: services[number])
                }
            }
            dependencies.append(edges)
            conflicts.append(foes)
        }
    }

    private mutating func reportUnknownService(_ reference: ServiceDraft.Reference, of service: ServiceDraft) {
        guard !possiblyDeclaredNames.contains(reference.target.name) else { return }
        let key = reference.kind.rawValue
        let isHard = reference.kind == .requires
        let (suggestion, help) = unknownNameHelp(
            reference.target,
            serviceIndexByName.keys,
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

    private mutating func warnIfRequirementIsDown(
        of targetNumber: Int,
        requiredBy number: Int,
        _ reference: ServiceDraft.Reference
    ) {
        guard services[number].spec.status == .start else { return }
        switch services[targetNumber].spec.status {
        case .start, .ignore: return
        case .stop, .spec: break
        }
        let target = services[targetNumber]
        let service = services[number]
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

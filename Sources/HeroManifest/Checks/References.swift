internal import HeroModel

extension ManifestSet {
    /// Resolves the references of each service; reports unknown names, self-references and required services that
    /// stay down.
    mutating func resolveReferences() {
        dependencies.reserveCapacity(services.count)
        conflicts.reserveCapacity(services.count)
        for index in services.indices {
            var edges: [Relation] = []
            var conflicting: [Relation] = []
            for reference in services[index].references {
                let target = serviceIndexByName[reference.target]
                if target == index {
                    report(
                        .selfReference,
                        "the service `\(reference.target.name)` lists itself in `\(reference.kind.rawValue)`",
                        help: "remove the name",
                        in: services[index].file,
                        at: reference.span
                    )
                } else if let target {
                    let edge = Relation(target: target, kind: reference.kind, span: reference.span)
                    switch reference.kind {
                    case .requires:
                        edges.append(edge)
                        warnIfRequirementIsDown(of: target, requiredBy: index, reference)
                        checkRequirementCanEnd(of: target, requiredBy: index, reference)
                    case .after, .wants: edges.append(edge)
                    case .conflicts: conflicting.append(edge)
                    }
                } else {
                    reportUnknownService(reference, of: services[index])
                }
            }
            dependencies.append(edges)
            conflicts.append(conflicting)
        }
    }

    private mutating func reportUnknownService(_ reference: ServiceDraft.Reference, of service: ServiceDraft) {
        guard !possiblyDeclaredNames.contains(reference.target.name) else { return }
        let key = reference.kind.rawValue
        let isRequired = reference.kind == .requires
        let (suggestion, help) = unknownNameHelp(
            reference.target,
            serviceIndexByName.keys,
            in: service.spec.name.context,
            otherwise: isRequired
                ? "declare it, or remove the name" : "the name is ignored until the service is declared"
        )
        report(
            .unknownReference,
            "`\(key)` refers to `\(reference.target)`, which is not a declared service\(suggestion)",
            help: help,
            in: service.file,
            at: reference.span,
            severity: isRequired ? .error : .warning
        )
    }

    private mutating func warnIfRequirementIsDown(
        of targetIndex: Int,
        requiredBy index: Int,
        _ reference: ServiceDraft.Reference
    ) {
        guard services[index].spec.status == .start else { return }
        switch services[targetIndex].spec.status {
        case .start, .ignore: return
        case .stop, .spec: break
        }
        let target = services[targetIndex]
        let service = services[index]
        report(
            .requiresStopped,
            "`requires` lists `\(reference.target)`, which has `status: \(target.spec.status.rawValue)`, "
                + "so this service stays down",
            help: "set `status: start` in that service, or `status: stop` here too",
            in: service.file,
            at: reference.span,
            notes: [source(target.file).note("the status of that service", at: target.span(of: "status"))],
            severity: .warning
        )
    }
}

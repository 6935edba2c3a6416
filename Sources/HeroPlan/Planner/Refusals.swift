import HeroModel

/// The reasons to refuse a plan.
struct Refusals {
    /// Errors, in the order of the names.
    private(set) var diagnostics: [Diagnostic] = []

    init(_ builder: PlanBuilder, _ plan: Plan, _ desired: DesiredState, _ options: PlanOptions) {
        addUnknownNames(builder, plan, options)
        if builder.conflicts != nil { addConflicts(builder) }
        // `down` is an explicit request for every service, so guards do not apply (contract section 4).
        guard options.down == .none else { return }
        if !options.allowsProtected { addProtected(builder, plan) }
        if !options.allowsDisruption, let limit = desired.settings.maxDisruption { addDisruption(plan, limit) }
    }

    private mutating func addUnknownNames(_ builder: PlanBuilder, _ plan: Plan, _ options: PlanOptions) {
        guard !options.only.isEmpty else { return }
        let standalone = Set(plan.changes.lazy.filter(\.isStandalone).map(\.service))
        for name in Set(options.only).sorted() where builder.indexByName[name] == nil && !standalone.contains(name) {
            diagnostics.append(
                Diagnostic(
                    .error,
                    code: "unknown-name",
                    "cannot narrow the plan to \(name): no manifest declares it, and nothing of that name is running",
                    help: "name a service or a standalone action as `name` or `context/name`"
                )
            )
        }
    }

    private mutating func addConflicts(_ builder: PlanBuilder) {
        for (number, service) in builder.services.enumerated() where service.target.isUp {
            let others = Set(builder.conflicting(number)).sorted().map(Int.init).filter { $0 > number }
            for other in others where builder.services[other].target.isUp {
                // Records of two kept services may conflict; neither of them is changed.
                if builder.keeping.contains(service.name), builder.keeping.contains(builder.services[other].name) {
                    continue
                }
                guard builder.isInScope[number] || builder.isInScope[other] else { continue }
                let second = builder.services[other]
                let declaring = service.conflicts.contains(second.name) ? service : second
                diagnostics.append(
                    Diagnostic(
                        .error,
                        code: "conflict",
                        "cannot keep \(service.name) and \(second.name) up together: they conflict",
                        help: "set `status: stop` on one of them, or remove it from `conflicts`",
                        at: declaring.declared?.location(of: "conflicts")
                    )
                )
            }
        }
    }

    /// Only a service that is up needs protection; to restart a failed one does no harm.
    private mutating func addProtected(_ builder: PlanBuilder, _ plan: Plan) {
        for change in plan.changes where change.action.includesStop && !change.isStandalone {
            guard let number = builder.indexByName[change.service] else { continue }
            let service = builder.services[Int(number)]
            guard service.isProtected, service.isOperating else { continue }
            let location = service.declared?.location(of: "protect")
            let protection = location == nil ? "was started as protected" : "is protected"
            diagnostics.append(
                Diagnostic(
                    .error,
                    code: "protected",
                    "cannot \(change.action.rawValue) \(change.service), which \(protection): \(change.reason.text)",
                    help: "allow it with `--allow-protected`",
                    at: location
                )
            )
        }
    }

    private mutating func addDisruption(_ plan: Plan, _ limit: Int) {
        let count = plan.changes.count { $0.action.includesStop && !$0.isStandalone }
        guard count > limit else { return }
        let services = count == 1 ? "1 service" : "\(count) services"
        diagnostics.append(
            Diagnostic(
                .error,
                code: "too-disruptive",
                "cannot stop or restart \(services) at once: `max_disruption` is \(limit)",
                help: "apply in smaller steps with `--only NAME`, or allow it with `--allow-disruption`"
            )
        )
    }
}

extension PlannedService {
    /// Whether a stop needs permission: as declared, or as recorded if no manifest declares the service.
    var isProtected: Bool {
        guard let declared else {
            let line = "protect\ttrue"
            return observed?.canonical.text.split(separator: "\n").contains { $0 == line } ?? false
        }
        return declared.spec.isProtected
    }

    /// Whether the service is up or about to be.
    var isOperating: Bool {
        switch observed?.state {
        case .starting, .running, .degraded, .backingOff, .exited: true
        case .stopped, .blocked, .stopping, .failed, nil: false
        }
    }
}

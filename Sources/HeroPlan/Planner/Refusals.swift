import HeroModel

/// Why a plan must not be carried out, however right it is.
struct Refusals {
    /// Errors, in the order of the names.
    private(set) var diagnostics: [Diagnostic] = []

    init(_ planning: PlanBuilder, _ plan: Plan, _ desired: DesiredState, _ options: PlanOptions) {
        addUnknownNames(planning, plan, options)
        if planning.conflicts != nil { addConflicts(planning) }
        // `down` is an order about everything, and asks nobody (contract section 4).
        guard options.down == .none else { return }
        if !options.allowsProtected { addProtected(planning, plan) }
        if !options.allowsDisruption, let limit = desired.settings.maxDisruption { addDisruption(plan, limit) }
    }

    private mutating func addUnknownNames(_ planning: PlanBuilder, _ plan: Plan, _ options: PlanOptions) {
        guard !options.only.isEmpty else { return }
        let standalone = Set(plan.changes.lazy.filter(\.isStandalone).map(\.service))
        for name in Set(options.only).sorted() where planning.indexByName[name] == nil && !standalone.contains(name) {
            diagnostics.append(
                Diagnostic(
                    .error,
                    code: "unknown-name",
                    "cannot narrow the plan to \(name): no manifest declares it, and nothing of that name runs",
                    help: "name a service or a standalone action as `name` or `context/name`"
                )
            )
        }
    }

    private mutating func addConflicts(_ planning: PlanBuilder) {
        for (number, subject) in planning.services.enumerated() where subject.target.isUp {
            let others = Set(planning.conflicting(number)).sorted().map(Int.init).filter { $0 > number }
            for other in others where planning.services[other].target.isUp {
                guard planning.isInScope[number] || planning.isInScope[other] else { continue }
                let second = planning.services[other]
                let speaker = subject.conflicts.contains(second.name) ? subject : second
                diagnostics.append(
                    Diagnostic(
                        .error,
                        code: "conflict",
                        "cannot keep \(subject.name) and \(second.name) up together: they conflict",
                        help: "set `status: stop` on one of them, or take it out of `conflicts`",
                        at: speaker.declared?.location(of: "conflicts")
                    )
                )
            }
        }
    }

    /// Only what is up needs protection: to bring back what has failed is no harm.
    private mutating func addProtected(_ planning: PlanBuilder, _ plan: Plan) {
        for change in plan.changes where change.action.includesStop && !change.isStandalone {
            guard let number = planning.indexByName[change.service] else { continue }
            let subject = planning.services[Int(number)]
            guard subject.isProtected, subject.isOperating else { continue }
            let place = subject.declared?.location(of: "protect")
            let origin = place == nil ? "was started as protected" : "is protected"
            diagnostics.append(
                Diagnostic(
                    .error,
                    code: "protected",
                    "cannot \(change.action.rawValue) \(change.service), which \(origin): \(change.reason.text)",
                    help: "allow it with `--allow-protected`",
                    at: place
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
                help: "go in smaller steps with `--only NAME`, or allow it with `--allow-disruption`"
            )
        )
    }
}

extension PlannedService {
    /// Whether stopping it must be allowed: as its manifest says, or as recorded of what no manifest speaks of.
    var isProtected: Bool {
        guard let declared else {
            let line = "protect\ttrue"
            return observed?.canonical.text.split(separator: "\n").contains { $0 == line } ?? false
        }
        return declared.spec.isProtected
    }

    /// Whether it does its work, or is about to.
    var isOperating: Bool {
        switch observed?.state {
        case .starting, .running, .degraded, .backingOff, .exited: true
        case .stopped, .blocked, .stopping, .failed, nil: false
        }
    }
}

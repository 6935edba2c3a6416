import HeroModel

extension Plan {
    /// Adds what the machine has left, and what is stopped to make room.
    ///
    /// A holder of what a service binds is a reclaim when the service starts and the manifests allow it, and drift
    /// otherwise: then the service waits for it. Who shares a port with it is neither, unless it is to be stopped.
    mutating func addFindings(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        for change in changes where !change.isStandalone {
            guard isWatched(desired.services[change.service]?.spec) else { continue }
            let found = observed.services[change.service]?.drift ?? []
            drift += change.action.isStopping ? found.filter { !$0.kind.isOverWithAStop } : found
        }
        if !observed.holders.isEmpty { add(observed.holders, desired, options) }
        if drift.count > 1 {
            drift.sort { left, right in
                (left.service, left.action, left.kind.rawValue, left.text)
                    < (right.service, right.action, right.kind.rawValue, right.text)
            }
        }
    }

    private func isWatched(_ spec: ServiceSpec?) -> Bool {
        switch spec?.status {
        case .start: true
        case .stop, .ignore, .spec, nil: false
        }
    }

    private mutating func add(_ holders: [ObservedHolder], _ desired: DesiredState, _ options: PlanOptions) {
        var actions: [Subject: PlanAction] = [:]
        for change in changes { actions[Subject(change.service, change.isStandalone)] = change.action }
        for holder in holders {
            guard let action = actions[Subject(holder.service, holder.isStandalone)],
                let spec = Self.spec(of: holder, desired)
            else { continue }
            // A job of our own that this very plan stops first is in nobody's way.
            if let owner = holder.owner, isStopped(owner, actions) { continue }
            let permission = holder.permission(spec)
            if action.isStarting, let permission {
                reclaims.append(Reclaim(holder, allowedBy: permission))
            } else if !holder.isShared, !holder.isStandalone, isWatched(desired.services[holder.service]?.spec),
                action != .stop
            {
                drift.append(.held(holder, permission))
            }
        }
        reclaims.sort { left, right in
            (left.service, left.action, left.resource.description, left.pid)
                < (right.service, right.action, right.resource.description, right.pid)
        }
        guard !options.kills else { return }
        diagnostics += reclaims.map { Self.refusal($0, desired) }
        reclaims = []
    }

    private func isStopped(_ owner: QualifiedName, _ actions: [Subject: PlanAction]) -> Bool {
        [false, true].contains { actions[Subject(owner, $0)]?.isStopping ?? false }
    }

    private struct Subject: Hashable {
        var name: QualifiedName
        var isStandalone: Bool

        init(_ name: QualifiedName, _ isStandalone: Bool) {
            self.name = name
            self.isStandalone = isStandalone
        }
    }

    private static func spec(of holder: ObservedHolder, _ desired: DesiredState) -> ActionSpec? {
        holder.isStandalone
            ? desired.actions[holder.service]?.spec
            : desired.services[holder.service]?.spec.actions.first { $0.name == holder.action }
    }

    private static func refusal(_ reclaim: Reclaim, _ desired: DesiredState) -> Diagnostic {
        let declared = desired.services[reclaim.service]
        let path = "actions.\(reclaim.action).\(reclaim.allowedBy.rawValue)"
        return Diagnostic(
            .error,
            code: "reclaim-needed",
            "cannot start \(reclaim.service): \(reclaim.holderText) holds \(reclaim.resource), "
                + "and `--no-kill` forbids stopping it",
            help: "stop it yourself, or leave out `--no-kill`",
            at: reclaim.isStandalone
                ? desired.actions[reclaim.service]?.location(of: reclaim.allowedBy.rawValue)
                : declared?.location(of: path)
        )
    }
}

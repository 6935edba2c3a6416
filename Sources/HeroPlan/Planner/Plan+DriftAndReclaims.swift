import HeroModel

extension Plan {
    /// Adds the drift, and the processes that are stopped because they hold resources.
    ///
    /// A holder of a declared resource is a reclaim if the action starts and its manifest allows the stop. Otherwise it
    /// is drift, and the start waits for the resource. A process that shares a port is neither, unless it may be
    /// stopped.
    mutating func addDriftAndReclaims(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        for change in changes where !change.isStandalone {
            guard isSupervised(desired.services[change.service]?.spec) else { continue }
            let found = observed.services[change.service]?.drift ?? []
            drift += change.action.includesStop ? found.filter { !$0.kind.isResolvedByStop } : found
        }
        if !observed.holders.isEmpty { addHolders(observed.holders, desired, options) }
        if drift.count > 1 {
            drift.sort { left, right in
                (left.service, left.action, left.kind.rawValue, left.text)
                    < (right.service, right.action, right.kind.rawValue, right.text)
            }
        }
    }

    private func isSupervised(_ spec: ServiceSpec?) -> Bool {
        switch spec?.status {
        case .start: true
        case .stop, .ignore, .spec, nil: false
        }
    }

    private mutating func addHolders(_ holders: [ObservedHolder], _ desired: DesiredState, _ options: PlanOptions) {
        var actions: [ChangeKey: PlanAction] = [:]
        for change in changes { actions[ChangeKey(change.service, change.isStandalone)] = change.action }
        for holder in holders {
            guard let action = actions[ChangeKey(holder.service, holder.isStandalone)],
                let spec = Self.spec(of: holder, desired)
            else { continue }
            // A heroproc job that this plan stops anyway does not block the start.
            if let owner = holder.owner, stopsOwner(owner, actions) { continue }
            let permission = holder.stopPermission(spec)
            if action.includesStart, let permission {
                reclaims.append(Reclaim(holder, allowedBy: permission))
            } else if !holder.isShared, !holder.isStandalone, isSupervised(desired.services[holder.service]?.spec),
                action != .stop
            {
                drift.append(.resourceHeld(holder, permission))
            }
        }
        reclaims.sort { left, right in
            (left.service, left.action, left.resource.description, left.pid)
                < (right.service, right.action, right.resource.description, right.pid)
        }
        guard !options.allowsReclaims else { return }
        diagnostics += reclaims.map { Self.refusal($0, desired) }
        reclaims = []
    }

    private func stopsOwner(_ owner: QualifiedName, _ actions: [ChangeKey: PlanAction]) -> Bool {
        [false, true].contains { actions[ChangeKey(owner, $0)]?.includesStop ?? false }
    }

    private struct ChangeKey: Hashable {
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
            "cannot start \(reclaim.service): \(reclaim.processText) holds \(reclaim.resource), "
                + "and `--no-kill` forbids stopping it",
            help: "stop it yourself, or leave out `--no-kill`",
            at: reclaim.isStandalone
                ? desired.actions[reclaim.service]?.location(of: reclaim.allowedBy.rawValue)
                : declared?.location(of: path)
        )
    }
}

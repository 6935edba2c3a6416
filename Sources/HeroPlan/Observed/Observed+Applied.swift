public import HeroModel

extension Observed {
    /// The state after a plan was applied, assuming that every start and stop succeeds.
    public func afterApplying(_ plan: Plan, _ desired: DesiredState) -> Observed {
        var result = self
        result.revision = plan.baseRevision + 1
        let desired = desired.keeping(plan.kept.map(\.name), self)
        for change in plan.changes {
            if change.isStandalone {
                result.apply(standalone: change, desired.actions[change.service]?.spec)
            } else {
                result.apply(change, desired.services[change.service]?.spec)
            }
        }
        let gone = Set(plan.reclaims.map(\.pid))
        result.holders.removeAll { gone.contains($0.pid) }
        return result
    }

    private mutating func apply(_ change: Change, _ spec: ServiceSpec?) {
        switch change.actionNow {
        case .keep, .blocked: break
        case .start, .restart:
            guard let spec else { return }
            let isProcess = spec.actions.contains(where: \.isProcess)
            let hold = services[change.service]?.hold
            services[change.service] = ObservedService(spec, isProcess ? .running : .exited, isActive: isProcess)
            services[change.service]?.hold = spec.hold ?? hold
        case .stop:
            services[change.service]?.state = .stopped
            services[change.service]?.milestones = ReachedMilestones()
            services[change.service]?.isActive = false
            services[change.service]?.drift = []
            services[change.service]?.unhealthy = nil
            services[change.service]?.notRunning = nil
            services[change.service]?.wanted = spec?.status ?? .stop
        case .update, .reload:
            guard let spec, let old = services[change.service] else { return }
            services[change.service] = ObservedService(spec, old.state, isActive: old.isActive)
            services[change.service]?.hold = spec.hold ?? old.hold
            services[change.service]?.milestones = old.milestones
            services[change.service]?.drift = old.drift
            services[change.service]?.unhealthy = old.unhealthy
            services[change.service]?.contents = old.contents.map { content in
                var content = content
                if change.action == .reload, content.now != nil { content.before = content.now }
                return content
            }
            services[change.service]?.reloadFailure = change.action == .reload ? nil : old.reloadFailure
        }
    }

    private mutating func apply(standalone change: Change, _ spec: ActionSpec?) {
        let isPaused = standalone[change.service]?.isScheduled == false
        switch change.actionNow {
        case .keep, .blocked: break
        case .start, .restart, .update, .reload:
            guard let spec else { return }
            let wasActive = standalone[change.service]?.isActive ?? false
            standalone[change.service] = ObservedStandalone(
                canonical: CanonicalSpec(standalone: spec),
                isActive: change.action == .restart || wasActive,
                isScheduled: spec.schedule != nil && !(change.action == .update && isPaused)
            )
        case .stop:
            guard change.reason.code != .undeclared, spec?.isStandalone ?? true else {
                standalone[change.service] = nil
                return
            }
            standalone[change.service]?.isActive = false
            standalone[change.service]?.isScheduled = false
        }
    }
}

extension ObservedService {
    /// The record of a service that was started with this spec.
    public init(_ spec: ServiceSpec, _ state: ServiceState, isActive: Bool) {
        self.init(
            canonical: CanonicalSpec(spec),
            requires: spec.cascadingRequires,
            after: spec.orderingDependencies,
            conflicts: spec.conflicts,
            serviceClass: spec.serviceClass,
            state: state,
            isActive: isActive
        )
        self.spec = spec
        wanted = spec.status
    }
}

import CHeroFailpoints
import HeroKernel
import HeroModel

extension WaveExecutor {
    /// Prepares the gates for the assigned operations.
    ///
    /// A service that was being stopped, and that the new plan does not mention, must still stop.
    func buildGates() {
        for service in state.services.values where !service.record.isStartRequested {
            guard case .none = service.operation, service.isActive || service.hasUnfinishedStop else { continue }
            service.operation = .stop
        }
        for service in state.services.values {
            if service.mustStop { openStops.insert(service.name) }
            switch service.operation {
            case .none: continue
            case .stop, .restart, .start, .reload: openOperations.insert(service.name)
            }
        }
        for name in openOperations {
            guard let service = state.services[name] else { continue }
            if service.mustStop { addStopGates(of: service) }
            switch service.operation {
            case .start(let declared), .restart(let declared):
                let spec = declared.spec
                service.awaited = nil
                for edge in spec.requires + spec.after + spec.wants { waiters[edge, default: []].insert(name) }
            case .none, .stop, .reload: continue
            }
        }
    }

    /// Uses exactly the dependencies from which the planner has made the stop waves.
    private func addStopGates(of service: ServiceEntry) {
        for edge in service.recordedDependencies {
            guard let other = state.services[edge], other.mustStop, service.stopWave < other.stopWave else { continue }
            stopDependents[edge, default: []].insert(service.name)
            waiters[service.name, default: []].insert(edge)
        }
    }

    /// Opens every gate that may open now, and removes the services that the plan leaves undeclared and idle.
    func openGates() {
        for service in state.sortedByWave(openStops, of: \.stopWave) {
            perform(service.hasBegunStop ? .advance(service) : .checkGate(service.name))
        }
        if openStops.isEmpty { perform(.checkStartGates) }
        let reloads = openOperations.filter { state.services[$0]?.mustReload ?? false }
        for service in state.sortedByWave(reloads, of: \.startWave) { continueReload(service) }
        let now = clock.wallTime()
        for service in state.servicesByName where service.isRemovable(in: state.desired) && !service.isHeld(at: now) {
            removeService(service)
        }
    }

    /// Begins the operation of a service if its gate is open.
    func checkGate(_ name: QualifiedName, becauseOf changed: QualifiedName? = nil) {
        guard let service = state.services[name] else { return }
        switch service.operation {
        case .none, .reload: break
        case .stop, .restart:
            if !service.hasBegunStop, canStop(service) { beginStop(service) }
        case .start(let declared):
            if !isStillWaiting(service, changed) { checkStartGate(service, declared) }
        }
    }

    /// Whether every service that depends on it is down, by the dependencies that were recorded when each was started.
    private func canStop(_ service: ServiceEntry) -> Bool {
        hero_is_disabled(HERO_WAVES) != 0
            || (stopDependents[service.name] ?? []).allSatisfy { !openStops.contains($0) }
    }

    private func checkStartGate(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        // During a store outage no run begins, because it cannot be recorded. When the outage ends, a new plan is made.
        guard openStops.isEmpty, storeHealth.outage == nil else { return }
        outdatedBlockers.remove(service.name)
        let (missing, isHopeless) = missingRequirements(of: declared.spec)
        service.awaited = missing.last
        guard missing.isEmpty else {
            if isHopeless {
                // The start is given up. When a missing service becomes ready, a new plan is made.
                closeOperation(of: service)
                requestProof()
            }
            setState(service, .blocked, blockedBy: missing.map(\.service))
            return
        }
        for predecessor in declared.spec.after + declared.spec.wants {
            guard let other = state.services[predecessor] else { continue }
            if other.mustStart, other.startWave < service.startWave { return }
            if case .none = other.operation, other.record.state == .starting { return }
        }
        guard startQuota.isLeft else { return startQuota.postpone(service.name) }
        startQuota.use()
        beginRun(service, declared)
    }

    /// Checks the gates again of services that had to wait for this turn.
    func beginPostponedStarts() {
        while let name = startQuota.takeNext() { perform(.checkGate(name)) }
    }

    /// Whether the change of another service cannot open the gate of a service, because a third one is not up either.
    ///
    /// This takes constant time. A service may require hundreds of others, so looking at all of them whenever one of
    /// them changes would cost in proportion to the square of their number.
    private func isStillWaiting(_ service: ServiceEntry, _ changed: QualifiedName?) -> Bool {
        guard let changed, let awaited = service.awaited, awaited.service != changed,
            obstacle(awaited) == .waiting, obstacle(Requirement(changed)) != .hopeless
        else { return false }
        outdatedBlockers.insert(service.name, now: clock.now())
        return true
    }

    /// Records again what services wait for, when some of that has become ready.
    func handleDueDeadlines(_ now: Moment) {
        for name in outdatedBlockers.takeDue(now) { perform(.checkGate(name)) }
    }

    /// The requirements that are not met, and whether one of them will not be met by itself.
    private func missingRequirements(of spec: ServiceSpec) -> (missing: [Requirement], isHopeless: Bool) {
        var missing: [Requirement] = []
        var isHopeless = false
        for requirement in spec.requirements {
            switch obstacle(requirement) {
            case .none: continue
            case .waiting: break
            case .hopeless: isHopeless = true
            }
            missing.append(requirement)
        }
        return (missing, isHopeless)
    }

    /// Whether a requirement keeps a service from starting.
    private enum Obstacle {
        /// It is met.
        case none
        /// It may be met without another operation.
        case waiting
        /// It will not be met without another operation.
        case hopeless
    }

    private func obstacle(_ requirement: Requirement) -> Obstacle {
        guard let other = state.services[requirement.service], !other.isStuck else { return .hopeless }
        switch other.operation {
        // A reload does not change what others can rely on.
        case .none, .reload: break
        case .stop, .restart, .start: return .waiting
        }
        guard !other.hasReached(requirement.until) else { return .none }
        return switch other.record.state {
        case .starting, .backingOff, .stopping, .running, .exited: .waiting
        // A one-shot of a degraded service may still be running.
        case .degraded: requirement.until == .ended ? .waiting : .hopeless
        case .stopped, .failed, .blocked: .hopeless
        }
    }
}

import HeroLifecycle
import HeroModel

/// Whether an apply has settled, and with which result.
struct ConvergenceCheck {
    let state: RuntimeState
    /// Services whose operation is not carried out yet.
    let openOperations: Set<QualifiedName>
    /// Those of them that must still stop.
    let openStops: Set<QualifiedName>
    /// The invariant that the last plan violates; nil when it violates none.
    let planViolation: String?
    /// The current store outage; nil without one.
    let outage: StoreOutage?

    /// Whether every operation is carried out, and no service and no awaited run is about to change.
    var isSettled: Bool {
        guard !state.needsPlan, openOperations.allSatisfy({ state.services[$0]?.isStuck ?? false }) else {
            return false
        }
        guard state.standalone.values.allSatisfy({ !$0.isSettling }) else { return false }
        return state.services.values.allSatisfy { service in
            guard !service.isStuck else { return true }
            return switch service.record.state {
            case .starting, .stopping, .backingOff: false
            case .stopped, .blocked, .running, .degraded, .exited, .failed: true
            }
        }
    }

    /// The result of the apply as things are now.
    func result(of observers: ApplyObservers, isOverTime: Bool) -> ApplyResult {
        let errors = errors(of: observers, isOverTime: isOverTime)
        let reported = state.servicesByName.filter { service in
            state.desired.services[service.name] != nil || observers.affectedServices.contains(service.name)
        }
        return ApplyResult(
            revision: observers.revision,
            isConverged: errors.isEmpty,
            services: reported.map { service in
                ApplyResult.Service(
                    name: service.name,
                    state: service.record.state,
                    blockedBy: service.record.blockedBy,
                    cancelled: service.cancelledJobs,
                    stoppedDependents: observers.stoppedDependents(of: service.name)
                )
            },
            errors: errors
        )
    }

    private func errors(of observers: ApplyObservers, isOverTime: Bool) -> [String] {
        var errors: [String] = []
        for service in state.servicesByName {
            if let problem = problem(of: service) { errors.append("\(service.name) \(problem)") }
        }
        errors += observers.failures
        // A plan that violates an invariant was not carried out at all.
        if let planViolation { errors.append(planViolation) }
        for entry in state.standaloneByName where entry.isSettling {
            let isStopping = entry.job?.lifecycle.record.isStopping ?? false
            errors.append("\(entry.name) \(isStopping ? "is not down" : "is still running")")
        }
        if let outage, state.isDown {
            errors.append(
                "the down is not recorded, so the next reconciler would start the services again: \(outage.error)"
            )
        }
        if isOverTime { errors.append("not everything has settled in time; a running reconciler continues") }
        return errors
    }

    /// How a service differs from what is declared; nil when it does not.
    ///
    /// A blocked service is no error (contract section 5).
    private func problem(of service: ServiceEntry) -> String? {
        let error = service.jobs.lazy.compactMap { $0.lifecycle.record.error }.first.map { ": \($0)" } ?? ""
        guard state.shouldRun(service.name) else {
            guard service.isActive, state.desired.services[service.name]?.spec.status != .ignore else { return nil }
            return isLeftRunning(service) ? nil : "is not down\(processesText(of: service))\(error)"
        }
        return switch service.record.state {
        case .running, .exited, .blocked: nil
        case .failed: "failed\(error)"
        case .degraded: "is degraded\(error)"
        case .backingOff: "keeps failing\(error)"
        case .starting: "is still starting\(error)"
        case .stopping: "is still stopping\(error)"
        case .stopped: "is not up\(error)"
        }
    }

    /// Whether it may run although it is not wanted: `down` leaves system services, an apply without pruning leaves
    /// all.
    private func isLeftRunning(_ service: ServiceEntry) -> Bool {
        // A stop that has begun and cannot be finished is no longer among the open stops.
        guard !service.hasBegunStop else { return false }
        return state.desired.services[service.name] != nil ? state.isDown : !openStops.contains(service.name)
    }

    /// The main processes that are still recorded, for example ` (pid 412)`.
    private func processesText(of service: ServiceEntry) -> String {
        let pids = service.jobs.compactMap { $0.lifecycle.record.process?.pid }
        return pids.isEmpty ? "" : " (pid \(pids.map(String.init).joined(separator: ", ")))"
    }
}

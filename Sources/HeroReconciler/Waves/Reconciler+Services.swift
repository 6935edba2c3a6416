import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

extension Reconciler {
    /// Does what follows for a service from how its jobs stand now, and tells who waits for it.
    func advance(_ service: ServiceEntry) {
        if service.mustStop, service.hasBegunStop {
            while stopNextJobs(service) {}
            if !service.isActive {
                finishStop(service)
                return
            }
            if service.isStuck { skipStuckStop(service) }
        } else if service.record.isStartRequested {
            var lives = service.jobs.map(\.lifecycle)
            var next = ServiceLifecycle.jobsToStart(lives, order: service.record.spec.startOrder)
            while !next.isEmpty {
                for index in next { deliverDirectly(service.jobs[index], .startRequested) }
                lives = service.jobs.map(\.lifecycle)
                next = ServiceLifecycle.jobsToStart(lives, order: service.record.spec.startOrder)
            }
        }
        updateState(service)
    }

    /// Orders down whatever may go down now.
    ///
    /// - Returns: whether one of them is at rest at once, so that the next one may go.
    private func stopNextJobs(_ service: ServiceEntry) -> Bool {
        let next = ServiceLifecycle.jobsToStop(service.jobs.map(\.lifecycle), order: service.record.spec.startOrder)
        for index in next { deliverDirectly(service.jobs[index], .stopRequested) }
        return next.contains { service.jobs[$0].lifecycle.isIdle }
    }

    /// Puts the state of a service down when it has changed, and asks the gates that wait for it.
    func updateState(_ service: ServiceEntry) {
        // A start that must wait for what does not end has failed; it is made when that ends after all.
        if service.isStuck, case .restart = service.operation { return setState(service, .failed) }
        let state = ServiceLifecycle.state(
            service.jobs.map(\.lifecycle),
            isStartRequested: service.record.isStartRequested
        )
        if service.record.state == .blocked, state == .stopped { return }
        setState(service, state)
    }

    /// Sets a state, with what blocks it.
    func setState(_ service: ServiceEntry, _ state: ServiceState, blockedBy: [QualifiedName] = []) {
        if state == .blocked { blockedServices.insert(service.name) } else { blockedServices.remove(service.name) }
        guard service.record.state != state || service.record.blockedBy != blockedBy else { return }
        let hasMoved = service.record.state != state
        service.record.state = state
        service.record.blockedBy = blockedBy
        if hasMoved { service.record.since = kernel.wallTime() }
        recordState(service)
        guard hasMoved else { return }
        reportProgress(service)
        if state.isUp, !blockedServices.isEmpty { needsPlan = true }
        for name in (waiters[service.name] ?? []).sorted() { checkGate(name) }
    }

    /// Stores where a service stands.
    func recordState(_ service: ServiceEntry) {
        rows.append(
            .serviceState(
                service.name,
                service.record.state,
                since: service.record.since,
                blockedBy: service.record.blockedBy,
                isStartRequested: service.record.isStartRequested
            )
        )
    }

    // MARK: Stopping

    /// Opens the stop of a service: from here on it is no longer wanted up.
    func beginStop(_ service: ServiceEntry) {
        guard !service.hasBegunStop else { return }
        hero_failpoint(FP_SP_7)
        service.hasBegunStop = true
        if service.record.isStartRequested {
            service.record.isStartRequested = false
            recordEvent(.info, service.name.description, "stopping")
        }
        recordState(service)
        advance(service)
    }

    /// Everything of a service is down.
    private func finishStop(_ service: ServiceEntry) {
        hero_failpoint(FP_SP_6)
        service.hasBegunStop = false
        openStops.remove(service.name)
        if var run = service.run, run.endedAt == nil {
            run.endedAt = kernel.wallTime()
            service.run = run
            rows.append(.run(run))
        }
        recordEvent(.info, service.name.description, "stopped")
        switch service.operation {
        case .restart(let declared):
            service.operation = .start(declared)
        case .stop, .none, .start:
            service.operation = .none
            openOperations.remove(service.name)
            // What the manifest says now counts; one that has left the files goes as it was started.
            let spec = desired.services[service.name]?.spec ?? service.record.spec
            if spec.removesJobs, !service.stopsAsDependent { removeEndedJobs(of: service) }
        }
        updateState(service)
        if desired.services[service.name] == nil, !service.mustStart { removeService(service) }
        if openStops.isEmpty { checkStartGates() }
        if openOperations.isEmpty { needsPlan = true }
    }

    /// A stop that cannot be finished keeps nobody else from stopping or starting.
    private func skipStuckStop(_ service: ServiceEntry) {
        guard openStops.remove(service.name) != nil else { return }
        for name in (waiters[service.name] ?? []).sorted() { checkGate(name) }
        if openStops.isEmpty { checkStartGates() }
    }

    /// Forgets a service that nobody declares and that is down; its jobs stay as history.
    func removeService(_ service: ServiceEntry) {
        for job in service.jobs { jobs[job.lifecycle.record.id] = nil }
        services[service.name] = nil
        blockedServices.remove(service.name)
        rows.append(.serviceRemoved(service.name))
    }
}

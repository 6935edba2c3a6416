import CHeroFailpoints
import HeroKernel
import HeroLife
import HeroModel
import HeroStore

extension Reconciler {
    /// Does what follows for a service from how its jobs stand now, and tells who waits for it.
    func advance(_ service: ServiceEntry) {
        if service.mustStop, service.isStopOpen {
            while orderNextDown(service) {}
            if !service.isActive {
                finishStop(service)
                return
            }
            if service.isStuck { letOthersPass(service) }
        } else if service.record.isStartRequested {
            var lives = service.jobs.map(\.life)
            var next = ServiceLifecycle.jobsToStart(lives, order: service.record.spec.startOrder)
            while !next.isEmpty {
                for index in next { order(service.jobs[index], .startRequested) }
                lives = service.jobs.map(\.life)
                next = ServiceLifecycle.jobsToStart(lives, order: service.record.spec.startOrder)
            }
        }
        publish(service)
    }

    /// Orders down whatever may go down now.
    ///
    /// - Returns: whether one of them is at rest at once, so that the next one may go.
    private func orderNextDown(_ service: ServiceEntry) -> Bool {
        let next = ServiceLifecycle.jobsToStop(service.jobs.map(\.life), order: service.record.spec.startOrder)
        for index in next { order(service.jobs[index], .stopRequested) }
        return next.contains { service.jobs[$0].life.isIdle }
    }

    /// Puts the state of a service down when it has changed, and asks the gates that wait for it.
    func publish(_ service: ServiceEntry) {
        // A start that must wait for what does not end has failed; it is made when that ends after all.
        if service.isStuck, case .restart = service.order { return setState(service, .failed) }
        let state = ServiceLifecycle.state(service.jobs.map(\.life), isStartRequested: service.record.isStartRequested)
        if service.record.state == .blocked, state == .stopped { return }
        setState(service, state)
    }

    /// Sets a state, with what blocks it.
    func setState(_ service: ServiceEntry, _ state: ServiceState, blockedBy: [QualifiedName] = []) {
        if state == .blocked { blocked.insert(service.name) } else { blocked.remove(service.name) }
        guard service.record.state != state || service.record.blockedBy != blockedBy else { return }
        let hasMoved = service.record.state != state
        service.record.state = state
        service.record.blockedBy = blockedBy
        if hasMoved { service.record.since = kernel.wallTime() }
        storeState(service)
        guard hasMoved else { return }
        tellFollower(service)
        if state.isUp, !blocked.isEmpty { mustPlan = true }
        for name in (waiters[service.name] ?? []).sorted() { askGate(name) }
    }

    /// Stores where a service stands.
    func storeState(_ service: ServiceEntry) {
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
        guard !service.isStopOpen else { return }
        hero_failpoint(FP_SP_7)
        service.isStopOpen = true
        if service.record.isStartRequested {
            service.record.isStartRequested = false
            note(.info, service.name.description, "stopping")
        }
        storeState(service)
        advance(service)
    }

    /// Everything of a service is down.
    private func finishStop(_ service: ServiceEntry) {
        hero_failpoint(FP_SP_6)
        service.isStopOpen = false
        openStops.remove(service.name)
        if var run = service.run, run.endedAt == nil {
            run.endedAt = kernel.wallTime()
            service.run = run
            rows.append(.run(run))
        }
        note(.info, service.name.description, "stopped")
        switch service.order {
        case .restart(let declared):
            service.order = .start(declared)
        case .stop, .none, .start:
            service.order = .none
            openOrders.remove(service.name)
            // What the manifest says now counts; one that has left the files goes as it was started.
            let spec = desired.services[service.name]?.spec ?? service.record.spec
            if spec.removesJobs, !service.isDragged { removeJobs(of: service) }
        }
        publish(service)
        if desired.services[service.name] == nil, !service.mustStart { drop(service) }
        if openStops.isEmpty { askAllStarts() }
        if openOrders.isEmpty { mustPlan = true }
    }

    /// A stop that cannot be finished keeps nobody else from stopping or starting.
    private func letOthersPass(_ service: ServiceEntry) {
        guard openStops.remove(service.name) != nil else { return }
        for name in (waiters[service.name] ?? []).sorted() { askGate(name) }
        if openStops.isEmpty { askAllStarts() }
    }

    /// Forgets a service that nobody declares and that is down; its jobs stay as history.
    func drop(_ service: ServiceEntry) {
        for job in service.jobs { jobs[job.life.record.id] = nil }
        services[service.name] = nil
        blocked.remove(service.name)
        rows.append(.serviceRemoved(service.name))
    }
}

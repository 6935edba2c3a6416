import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel

extension WaveExecutor {
    /// Begins to stop a service.
    func beginStop(_ service: ServiceEntry) {
        guard !service.hasBegunStop else { return }
        hero_failpoint(FP_SP_7)
        service.hasBegunStop = true
        if service.record.isStartRequested {
            service.record.isStartRequested = false
            journal.recordEvent(.info, service.name.description, "stopping")
        }
        recordState(service)
        perform(.advance(service))
    }

    /// Starts the next action that runs after the stop, when everything else of the service is down.
    ///
    /// A failure of it holds nothing up: the next one follows, and then the stop is finished.
    func startNextStoppedAction(_ service: ServiceEntry) {
        while !service.isActive, let action = service.nextStoppedAction, let run = service.run {
            let job = jobs.makeJob(action, for: .service(service), run: run.id)
            service.jobs.append(job)
            jobs.deliverDirectly(job, .startRequested)
        }
    }

    /// All jobs of a service are down.
    func finishStop(_ service: ServiceEntry) {
        hero_failpoint(FP_SP_6)
        service.hasBegunStop = false
        openStops.remove(service.name)
        endRun(of: service)
        journal.recordEvent(.info, service.name.description, "stopped")
        switch service.operation {
        case .restart(let declared):
            service.operation = .start(declared)
        case .stop, .none, .start, .reload:
            closeOperation(of: service)
            // The current manifest counts; a service that is not declared any more goes by the spec it was started
            // with.
            let spec = state.desired.services[service.name]?.spec ?? service.record.spec
            if spec.removesJobs, !service.stopsAsDependent { removeEndedJobs(of: service) }
        }
        updateState(service)
        if state.desired.services[service.name] == nil, !service.mustStart, !service.isHeld(at: clock.wallTime()) {
            removeService(service)
        }
        if openStops.isEmpty { perform(.checkStartGates) }
        requestProof()
    }

    /// A stop that cannot be finished does not keep other services from stopping or starting.
    func skipStuckStop(_ service: ServiceEntry) {
        guard openStops.remove(service.name) != nil else { return }
        checkWaiters(of: service)
        if openStops.isEmpty { perform(.checkStartGates) }
    }
}

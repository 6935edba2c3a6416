import HeroLifecycle
import HeroModel
import HeroPlan
import HeroStore

extension WaveExecutor {
    /// Discards the operations of the last plan.
    func discardOperations() {
        openOperations = []
        openStops = []
        waiters = [:]
        stopDependents = [:]
        outdatedBlockers = OutdatedBlockers()
        startQuota.removeAll()
        for service in state.services.values { service.operation = .none }
    }

    /// Assigns to a service the operation that a change of the plan requires.
    func assignOperation(_ change: Change) {
        let declared = state.desired.services[change.service]
        if state.services[change.service] == nil, let declared { addService(declared) }
        guard let service = state.services[change.service] else { return }
        service.stopWave = change.stopWave ?? 0
        service.startWave = change.startWave ?? 0
        service.stopsAsDependent = change.cause != nil
        switch change.actionNow {
        case .keep:
            if service.record.state == .blocked { setState(service, service.stateOfJobs) }
            withdrawFailedStart(service)
            withdrawReloadFailure(service, declared)
        case .start:
            guard let declared else { return }
            let mustStop = service.isActive && !service.canKeepActiveJobs(declared.spec) || service.hasUnfinishedStop
            service.operation = mustStop ? .restart(declared) : .start(declared)
        case .restart:
            guard let declared else { return }
            let mustStop = service.isActive || service.nextStoppedAction != nil
            service.operation = mustStop ? .restart(declared) : .start(declared)
        case .stop:
            service.operation = .stop
        case .update:
            guard let declared else { return }
            update(service, declared, change)
            withdrawFailedStart(service)
            withdrawReloadFailure(service, declared)
        case .reload:
            guard let declared else { return }
            assignReload(service, declared, change)
        case .blocked:
            // A service that runs, and only may not be restarted, keeps its state.
            guard !service.isActive else { return }
            setState(service, .blocked, blockedBy: change.blockedBy)
        }
    }

    /// A service that has failed and should be down is stopped: nothing of it has to end.
    private func withdrawFailedStart(_ service: ServiceEntry) {
        guard service.record.state == .failed, !service.isActive, !state.shouldRun(service.name),
            let wanted = state.desired.services[service.name]?.spec.status, wanted != .ignore
        else { return }
        withdrawStart(service)
    }

    /// Applies a change that needs no restart.
    private func update(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>, _ change: Change) {
        service.record.canonical = CanonicalSpec(declared.spec)
        replaceSpec(of: service, declared)
        journal.recordEvent(.info, service.name.description, change.updateText)
    }

    /// Makes a declared spec the one of a running service, and passes it to its jobs.
    func replaceSpec(of service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        let linked = Dictionary(
            service.jobs.map { ($0.action, $0.spec.log.link) },
            uniquingKeysWith: { first, _ in first }
        )
        service.record.spec = declared.spec
        service.record.revision = state.revisionNumber
        journal.rows.append(.service(service.record))
        for entry in service.jobs {
            if !entry.lifecycle.isIdle, linked[entry.action] != entry.spec.log.link {
                journal.effects.append(.updateLogLink(entry))
            }
            jobs.deliverDirectly(entry, .specChanged)
            if !entry.lifecycle.isIdle { journal.effects.append(.writeRecoveryRecord(entry)) }
            // `once` may be new: the success of this run counts.
            if entry.lifecycle.phase == .finished(.succeeded) { jobs.recordOnceSuccess(of: entry) }
        }
    }
}

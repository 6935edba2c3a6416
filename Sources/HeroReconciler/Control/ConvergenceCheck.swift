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
    ///
    /// With `scope`, only these services count.
    func isSettled(_ scope: Set<QualifiedName>? = nil) -> Bool {
        guard !state.needsPlan, openOperations.allSatisfy({ state.services[$0]?.isStuck ?? false }) else {
            return false
        }
        func counts(_ name: QualifiedName) -> Bool { scope?.contains(name) ?? true }
        guard state.standalone.values.allSatisfy({ !$0.isSettling || !counts($0.name) }) else { return false }
        return state.services.values.allSatisfy { service in
            guard !service.isStuck, counts(service.name) else { return true }
            return switch service.record.state {
            case .starting, .stopping, .backingOff: false
            case .stopped, .blocked, .running, .degraded, .exited, .failed: true
            }
        }
    }

    /// Whether the wait for an apply is over.
    ///
    /// The time in which services must stay up is not a part of the timeout.
    func isOver(_ observers: ApplyObservers, isOverTime: Bool, now: Moment) -> Bool {
        let scope = scope(of: observers)
        guard isSettled(scope) else {
            observers.stability.handleNotUp()
            return isOverTime || !failingJobs(of: observers, in: scope).isEmpty
        }
        let jobs = observers.startedServices.filter { scope?.contains($0) ?? true }
            .compactMap { state.services[$0] }.flatMap(\.jobs).filter { !$0.lifecycle.isIdle }
        return observers.stability.handleAllUp(jobs, for: state.desired.settings.settle, now: now)
    }

    /// The services that count for an apply: all, or with `--only` the selected ones and those that the plan changed
    /// because of them.
    private func scope(of observers: ApplyObservers) -> Set<QualifiedName>? {
        guard let only = state.revision?.only, !only.isEmpty else { return nil }
        return observers.affectedServices.union(only)
    }

    /// The jobs that have failed so often in a row that the apply does not wait for them any more, by their owners.
    private func failingJobs(of observers: ApplyObservers, in scope: Set<QualifiedName>?) -> [QualifiedName: JobEntry] {
        var failing: [QualifiedName: JobEntry] = [:]
        for id in observers.stability.failingJobs.sorted() {
            guard let job = state.jobs[id] else { continue }
            let name: QualifiedName
            switch job.owner {
            case .service(let service):
                guard service.record.isStartRequested, state.shouldRun(service.name) else { continue }
                name = service.name
            case .standalone(let entry):
                guard entry.isAwaited else { continue }
                name = entry.name
            }
            if scope?.contains(name) ?? true, failing[name] == nil { failing[name] = job }
        }
        return failing
    }

    /// The result of the apply as things are now.
    func result(of observers: ApplyObservers, isOverTime: Bool) -> ApplyResult {
        let scope = scope(of: observers)
        let failing = failingJobs(of: observers, in: scope)
        let errors = errors(of: observers, in: scope, failing: failing, isOverTime: isOverTime)
        let reported = state.servicesByName.filter { service in
            guard scope?.contains(service.name) ?? true else { return false }
            return state.desired.services[service.name] != nil || observers.affectedServices.contains(service.name)
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
            errors: errors,
            failedActions: errors.isEmpty ? [] : failedActions(of: observers, in: scope, failing: failing)
        )
    }

    /// The actions that keep failing, and those that have given up.
    private func failedActions(
        of observers: ApplyObservers,
        in scope: Set<QualifiedName>?,
        failing: [QualifiedName: JobEntry]
    ) -> [ApplyResult.FailedAction] {
        var result: [ApplyResult.FailedAction] = []
        for service in state.servicesByName where scope?.contains(service.name) ?? true {
            guard state.shouldRun(service.name) else { continue }
            for job in service.jobs where job === failing[service.name] || job.lifecycle.phase == .finished(.failed) {
                result.append(ApplyResult.FailedAction(owner: service.name, action: job.action))
            }
        }
        let standalone = failing.filter { $0.value.service == nil }.keys.sorted()
        return result + observers.failedActions
            + standalone.map { ApplyResult.FailedAction(owner: $0, action: nil) }
    }

    private func errors(
        of observers: ApplyObservers,
        in scope: Set<QualifiedName>?,
        failing: [QualifiedName: JobEntry],
        isOverTime: Bool
    ) -> [String] {
        var errors: [String] = []
        if let end = state.essentialEnd { errors.append("\(end.text), so everything was stopped") }
        for service in state.servicesByName where scope?.contains(service.name) ?? true {
            if let job = failing[service.name] {
                errors.append("\(service.name) \(repeatedFailure(of: job))")
            } else if let problem = problem(of: service) {
                errors.append("\(service.name) \(problem)")
            }
        }
        errors += observers.failures
        // A plan that violates an invariant was not carried out at all.
        if let planViolation { errors.append(planViolation) }
        for entry in state.standaloneByName where entry.isSettling && scope?.contains(entry.name) ?? true {
            if let job = failing[entry.name] {
                errors.append("\(entry.name) \(repeatedFailure(of: job))")
                continue
            }
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

    /// The text about a job that has failed several times in a row.
    private func repeatedFailure(of job: JobEntry) -> String {
        let record = job.lifecycle.record
        // A new start has cleared the error of the one before.
        let cause = record.error ?? record.outcome.map { "\($0)" } ?? "its program ends"
        return "has failed \(job.lifecycle.failuresInRow) times in a row: \(cause)"
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
        case .running: service.reloadFailure.map { "runs on as before, because its reload failed: \($0.text)" }
        case .exited, .blocked: nil
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

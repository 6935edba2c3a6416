import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan
import HeroStore

extension Reconciler {
    /// What is there, as the planner sees it: our own records, which the kernel's events keep true.
    var observed: Observed {
        var result = Observed(revision: revision?.number ?? 0)
        for service in services.values where service.record.run != nil {
            let spec = service.record.spec
            result.services[service.name] = ObservedService(
                canonical: service.record.canonical,
                requires: spec.requires,
                after: spec.after + spec.wants,
                serviceClass: spec.serviceClass,
                state: plannedState(of: service),
                isActive: service.isActive
            )
        }
        for entry in standalone.values where !entry.isRemoved {
            result.standalone[entry.name] = ObservedStandalone(
                canonical: entry.record.canonical,
                isActive: entry.isActive,
                isScheduled: entry.record.isScheduleActive,
                isRunPending: entry.record.isRunPending
            )
        }
        return result
    }

    /// A service that is to be tried again counts as one that is down, or on its way there, and is wanted.
    private func plannedState(of service: ServiceEntry) -> ServiceState {
        guard requestedRetries.contains(service.name) else { return service.record.state }
        let isJoined = desired.services[service.name].map { canKeepActiveJobs(service, $0.spec) } ?? false
        return service.isActive && !isJoined ? .stopping : .stopped
    }

    /// What is asked of the planner besides the manifests.
    func planOptions(retriesFailed: Bool) -> PlanOptions {
        guard let revision else { return PlanOptions(retriesFailed: retriesFailed) }
        // What the revision itself does was allowed when it was accepted.
        guard revision.isDown else {
            return PlanOptions(
                prunes: revision.prunes,
                retriesFailed: retriesFailed,
                only: revision.only,
                allowsProtected: true,
                allowsDisruption: true
            )
        }
        return PlanOptions(
            prunes: revision.prunes,
            retriesFailed: false,
            down: revision.isDownForAll ? .allServices : .userServices,
            allowsProtected: true,
            allowsDisruption: true
        )
    }

    /// Makes a plan and gives every service its order.
    ///
    /// What somebody has just applied does not wait for its next try (RS-1); a reconciler that only comes back does (RS-3).
    func planAndExecute(retriesFailed: Bool, hurries: Bool = true) {
        let isProof = openOperations.isEmpty && !retriesFailed
        if retriesFailed { requestedRetries = failedServices }
        let observed = observed
        let options = planOptions(retriesFailed: retriesFailed)
        let plan = makePlan(desired, observed, options)
        let violations = PlanInvariants.violations(of: plan, desired: desired, observed: observed, options: options)
        brokenLaw = violations.first.map { "internal error: refused a plan of our own that breaks a law: \($0)" }
        if let brokenLaw { return recordEvent(.error, "", brokenLaw) }
        failedProofs = isProof && plan.changes.contains(where: \.changesService) ? failedProofs + 1 : 0
        guard failedProofs < 8 else {
            recordEvent(
                .error,
                "",
                "internal error: a plan that was carried out is not empty; waiting for the next apply"
            )
            failedProofs = 0
            return
        }
        hero_failpoint(FP_ST_1)
        execute(plan)
        guard retriesFailed, hurries else { return }
        for change in plan.changes where change.action == .keep || change.action == .update {
            if change.isStandalone {
                if let entry = standalone[change.service] { retryNow(entry) }
            } else if let service = services[change.service] {
                retryNow(service)
            }
        }
    }

    private var failedServices: Set<QualifiedName> {
        Set(
            services.values.lazy.filter { service in
                switch service.record.state {
                case .failed, .degraded: true
                case .stopped, .blocked, .starting, .running, .backingOff, .stopping, .exited: false
                }
            }.map(\.name)
        )
    }

    private func execute(_ plan: Plan) {
        openOperations = []
        openStops = []
        waiters = [:]
        stopDependents = [:]
        for service in services.values { service.operation = .none }
        for change in plan.changes {
            if change.isStandalone { assignStandalone(standalone: change) } else { assignOperation(change) }
        }
        // What was on its way down and is not ordered anything else must still arrive there.
        for service in services.values where service.isActive && !service.record.isStartRequested {
            if case .none = service.operation { service.operation = .stop }
        }
        buildGates()
        follower?.addPlan(plan)
        for service in sortedByWave(openStops, of: \.stopWave) {
            if service.hasBegunStop { advance(service) } else { checkGate(service.name) }
        }
        if openStops.isEmpty { checkStartGates() }
        let forgotten = services.values.filter { $0.isRemovable(in: desired) }
        for service in forgotten.sorted(by: { $0.name < $1.name }) { removeService(service) }
        for entry in standalone.values.sorted(by: { $0.name < $1.name }) { advance(entry) }
    }

    /// Turns one change of the plan into the order of its service.
    private func assignOperation(_ change: Change) {
        let declared = desired.services[change.service]
        if services[change.service] == nil, let declared { addService(declared) }
        guard let service = services[change.service] else { return }
        service.stopWave = change.stopWave ?? 0
        service.startWave = change.startWave ?? 0
        service.stopsAsDependent = change.cause != nil
        switch change.action {
        case .keep:
            if service.record.state == .blocked { unblock(service) }
        case .start:
            guard let declared else { return }
            let mustStop = service.isActive && !canKeepActiveJobs(service, declared.spec)
            service.operation = mustStop ? .restart(declared) : .start(declared)
        case .restart:
            guard let declared else { return }
            service.operation = service.isActive ? .restart(declared) : .start(declared)
        case .stop:
            service.operation = .stop
        case .update:
            guard let declared else { return }
            updateInPlace(service, declared)
        case .blocked:
            // One that runs and is only kept from restarting is left up, and its state says so.
            guard !service.isActive else { return }
            setState(service, .blocked, blockedBy: change.blockedBy)
        }
    }

    /// Whether what is active of a service that is started stays, and joins the new run (`start.replace_existing_jobs: false`).
    ///
    /// What has changed begins anew, as the plan says; what is on its way down goes there first.
    private func canKeepActiveJobs(_ service: ServiceEntry, _ spec: ServiceSpec) -> Bool {
        !spec.replacesExistingJobs && !service.jobs.contains { $0.lifecycle.record.isStopping }
    }

    private func unblock(_ service: ServiceEntry) {
        setState(
            service,
            ServiceLifecycle.state(service.jobs.map(\.lifecycle), isStartRequested: service.record.isStartRequested)
        )
    }

    /// A change that takes effect in place: the record is all there is to change.
    private func updateInPlace(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        service.record.spec = declared.spec
        service.record.canonical = CanonicalSpec(declared.spec)
        service.record.revision = revision?.number ?? 0
        rows.append(.service(service.record))
        recordEvent(.info, service.name.description, "updated in place")
        for entry in service.jobs {
            deliverDirectly(entry, .specChanged)
            if !entry.lifecycle.isIdle { pendingEffects.append(.writeRecoveryRecord(entry)) }
        }
    }

    /// A service that was never started gets its row, so that people see it.
    func addService(_ declared: Declared<ServiceSpec>) {
        let service = ServiceEntry(
            ServiceRecord(
                spec: declared.spec,
                canonical: CanonicalSpec(declared.spec),
                state: .stopped,
                since: kernel.wallTime(),
                run: nil,
                revision: revision?.number ?? 0,
                isStartRequested: false
            )
        )
        services[service.name] = service
        rows.append(.service(service.record))
    }

    /// Notes who waits for whom, over exactly the edges that the waves were made from.
    private func buildGates() {
        for service in services.values {
            if service.mustStop { openStops.insert(service.name) }
            switch service.operation {
            case .none: continue
            case .stop, .restart, .start: openOperations.insert(service.name)
            }
        }
        for name in openOperations {
            guard let service = services[name] else { continue }
            if service.mustStop {
                for edge in service.recordedDependencies {
                    guard let other = services[edge], other.mustStop, service.stopWave < other.stopWave else {
                        continue
                    }
                    stopDependents[edge, default: []].insert(name)
                    waiters[name, default: []].insert(edge)
                }
            }
            let declared: Declared<ServiceSpec>? =
                switch service.operation {
                case .start(let declared), .restart(let declared): declared
                case .none, .stop: nil
                }
            guard let spec = declared?.spec else { continue }
            for edge in spec.requires + spec.after + spec.wants { waiters[edge, default: []].insert(name) }
        }
    }
}

extension Change {
    /// Whether a service must be moved for it; what a standalone action does next is up to itself.
    fileprivate var changesService: Bool {
        switch action {
        case .keep, .blocked: false
        case .start, .stop, .restart, .update: !isStandalone
        }
    }
}

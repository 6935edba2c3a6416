import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// Carries out the operations of a plan: stop waves first, then start waves.
///
/// Each service has a gate. The gate of a stop opens when all its dependents are down; the gate of a start opens when
/// every stop of the plan is finished and everything that the service requires is up. When the state of a service
/// changes, the gates that depend on it are checked again.
///
/// One change can open many gates in turn. Each such step goes on a worklist and none calls the next one, so the depth
/// of the call stack does not depend on the number of services.
final class WaveExecutor {
    /// A step on the worklist.
    enum Step {
        /// Do what follows from the current phases of the service's jobs.
        case advance(ServiceEntry)
        /// Check whether a service may begin its operation, because another one has changed or for any reason.
        case checkGate(QualifiedName, becauseOf: QualifiedName? = nil)
        /// Check the gates of all services that wait to start.
        case checkStartGates
    }

    let state: RuntimeState
    let journal: TurnJournal
    let jobs: JobController
    let reporter: ApplyReporter
    let storeHealth: StoreHealth
    let clock: any HostClock

    /// Services whose operation is not carried out yet.
    ///
    /// When it becomes empty, the loop makes a plan as proof.
    var openOperations: Set<QualifiedName> = []
    /// Those of them that must still stop.
    ///
    /// Starts wait for all of them.
    var openStops: Set<QualifiedName> = []
    /// The gates to check when the state of a service changes.
    var waiters: [QualifiedName: Set<QualifiedName>] = [:]
    /// The services that must be down before a service may stop.
    var stopDependents: [QualifiedName: Set<QualifiedName>] = [:]
    /// Services that the last plan left blocked.
    ///
    /// A plan may unblock them when what they wait for becomes ready. A service with an open operation is not one of
    /// them: its gate is checked again.
    var blockedServices = BlockedServices()

    /// Services that wait for fewer others than their `blockedBy` names.
    var outdatedBlockers = OutdatedBlockers()

    /// The starts of the current turn.
    var startQuota: TurnQuota

    /// Steps that the current step has caused; nil while no step is executed.
    private var followUps: [Step]?

    init(
        state: RuntimeState,
        journal: TurnJournal,
        jobs: JobController,
        reporter: ApplyReporter,
        storeHealth: StoreHealth,
        clock: any HostClock,
        maxStartsPerTurn: Int = ReconcilerConfiguration.defaultMaxStartsPerTurn
    ) {
        self.state = state
        self.journal = journal
        self.jobs = jobs
        self.reporter = reporter
        self.storeHealth = storeHealth
        self.clock = clock
        startQuota = TurnQuota(limit: maxStartsPerTurn)
    }

    // MARK: The worklist

    /// Delivers a batch of job events, and executes the steps that follow from them afterwards.
    ///
    /// A program may have started and ended within one batch: the service that requires it must not start then.
    func deliverBatch(_ deliver: () -> Void) {
        guard followUps == nil else { return deliver() }
        followUps = []
        deliver()
        let steps = followUps ?? []
        followUps = nil
        for step in steps { perform(step) }
    }

    /// A job of a service has changed: does what follows for the service and for those that wait for it.
    func advance(_ service: ServiceEntry) { perform(.advance(service)) }

    /// Executes a step and everything that follows from it; a step that is requested by another step is executed after
    /// it.
    ///
    /// The steps that follow from one step are executed before the steps that were waiting already.
    func perform(_ step: Step) {
        guard followUps == nil else {
            followUps?.append(step)
            return
        }
        var worklist = [step]
        while let next = worklist.popLast() {
            followUps = []
            execute(next)
            worklist.append(contentsOf: (followUps ?? []).reversed())
        }
        followUps = nil
    }

    private func execute(_ step: Step) {
        switch step {
        case .advance(let service): advanceNow(service)
        case .checkGate(let name, let changed): checkGate(name, becauseOf: changed)
        case .checkStartGates:
            let waiting = openOperations.filter { state.services[$0]?.mustStart ?? false }
            for service in state.sortedByWave(waiting, of: \.startWave) { perform(.checkGate(service.name)) }
        }
    }

    private func advanceNow(_ service: ServiceEntry) {
        if service.mustStop, service.hasBegunStop {
            while stopNextJobs(service) {}
            startNextStoppedAction(service)
            if !service.isActive {
                finishStop(service)
                return
            }
            if service.isStuck { skipStuckStop(service) }
        } else if service.record.isStartRequested, !service.isIgnored {
            startNextJobs(service)
        }
        updateState(service)
        continueReload(service)
    }

    private func startNextJobs(_ service: ServiceEntry) {
        while true {
            let next = ServiceLifecycle.jobsToStart(
                service.jobs.map(\.lifecycle),
                order: service.record.spec.startOrder
            )
            if next.isEmpty { return }
            for index in next { jobs.deliverDirectly(service.jobs[index], .startRequested) }
        }
    }

    /// Stops every job that may stop now.
    ///
    /// - Returns: whether one of them is idle at once, so that the next one may stop.
    private func stopNextJobs(_ service: ServiceEntry) -> Bool {
        let main = service.mainJobs
        let next = ServiceLifecycle.jobsToStop(main.map(\.lifecycle), order: service.record.spec.startOrder)
        for index in next { jobs.deliverDirectly(main[index], .stopRequested) }
        return next.contains { main[$0].lifecycle.isIdle }
    }

    /// Tries the jobs of a service again that wait for their next try.
    func retryNow(_ service: ServiceEntry) {
        guard service.record.isStartRequested, !service.isIgnored else { return }
        for entry in service.jobs { jobs.deliverDirectly(entry, .retryRequested) }
        advance(service)
    }

    // MARK: States

    /// Sets the state that follows from the jobs of a service.
    func updateState(_ service: ServiceEntry) {
        let state = service.stateOfJobs
        if service.record.state == .blocked, state == .stopped { return }
        setState(service, state)
        checkMilestones(of: service)
    }

    /// Sets the state of a service, and checks the gates that depend on it.
    func setState(_ service: ServiceEntry, _ newState: ServiceState, blockedBy: [QualifiedName] = []) {
        registerBlocked(service, newState, blockedBy)
        guard service.record.state != newState || service.record.blockedBy != blockedBy else { return }
        let hasChanged = service.record.state != newState
        service.record.state = newState
        service.record.blockedBy = blockedBy
        if hasChanged { service.record.since = clock.wallTime() }
        recordState(service)
        guard hasChanged else { return }
        reporter.reportProgress(service)
        noteEssentialEnd(of: service)
        if mayUnblock(service) { state.needsPlan = true }
        checkWaiters(of: service)
    }

    /// Checks the gates of dependents that wait for something else than the state of a service.
    private func checkMilestones(of service: ServiceEntry) {
        let isBlocking = blockedServices.isBlocking(service.name)
        guard isBlocking || waiters[service.name] != nil else { return }
        let milestones = service.milestones
        guard milestones != service.checkedMilestones else { return }
        service.checkedMilestones = milestones
        if isBlocking { state.needsPlan = true }
        checkWaiters(of: service)
    }

    private func registerBlocked(_ service: ServiceEntry, _ state: ServiceState, _ blockers: [QualifiedName]) {
        if case .none = service.operation, state == .blocked {
            blockedServices.insert(service.name, waitingFor: blockers)
        } else {
            blockedServices.remove(service.name)
        }
    }

    /// Whether the new state of a service may unblock another one, so that a plan is due.
    private func mayUnblock(_ service: ServiceEntry) -> Bool {
        let isRelevant =
            switch service.record.state {
            case .running, .degraded, .exited, .stopped, .failed: true
            case .blocked, .starting, .backingOff, .stopping: false
            }
        return isRelevant && blockedServices.isBlocking(service.name)
    }

    func checkWaiters(of service: ServiceEntry) {
        for name in (waiters[service.name] ?? []).sorted() { perform(.checkGate(name, becauseOf: service.name)) }
    }

    /// Records the state of a service.
    func recordState(_ service: ServiceEntry) {
        journal.rows.append(
            .serviceState(
                service.name,
                service.record.state,
                since: service.record.since,
                blockedBy: service.record.blockedBy,
                isStartRequested: service.record.isStartRequested
            )
        )
    }

    // MARK: Services

    /// Adds a service that was never started, so that it has a state.
    func addService(_ declared: Declared<ServiceSpec>) {
        let service = ServiceEntry(
            ServiceRecord(
                spec: declared.spec,
                canonical: CanonicalSpec(declared.spec),
                state: .stopped,
                since: clock.wallTime(),
                run: nil,
                revision: state.revisionNumber,
                isStartRequested: false
            )
        )
        service.isIgnored = declared.spec.status == .ignore
        service.record.wanted = state.kept.contains(service.name) ? nil : declared.spec.status
        service.record.hold = declared.spec.hold
        state.services[service.name] = service
        journal.rows.append(.service(service.record))
    }

    /// Removes a service that is not declared and not active; its jobs stay in the database as history.
    func removeService(_ service: ServiceEntry) {
        for job in service.jobs { state.jobs[job.id] = nil }
        state.services[service.name] = nil
        blockedServices.remove(service.name)
        journal.rows.append(.serviceRemoved(service.name))
    }

    /// Takes over the services that a former reconciler has recorded.
    func addRecovered(_ records: [ServiceRecord], runs: [RunRecord]) {
        for record in records {
            let service = ServiceEntry(record)
            service.isIgnored = state.desired.services[record.name]?.spec.status == .ignore
            state.services[record.name] = service
            if record.state == .blocked { blockedServices.insert(record.name, waitingFor: record.blockedBy) }
        }
        for run in runs { state.services[run.service]?.run = run }
    }

    /// Withdraws a start of which nothing was made, or that ended with a restart of the machine: its gate is checked
    /// again, because what it requires may be down.
    func withdrawStart(_ service: ServiceEntry) {
        guard service.record.isStartRequested else { return }
        service.record.isStartRequested = false
        setState(service, .stopped)
        recordState(service)
    }

    /// An operation is complete: when it was the last one, the next turn makes a plan to prove that nothing is left to
    /// do.
    func closeOperation(of service: ServiceEntry) {
        service.operation = .none
        openOperations.remove(service.name)
    }

    func requestProof() {
        if openOperations.isEmpty { state.needsPlan = true }
    }
}

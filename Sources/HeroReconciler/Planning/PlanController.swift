import CHeroFailpoints
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Makes plans, verifies them, and assigns their operations.
final class PlanController {
    typealias Host = HostInspection & ProcessControl & ControlChannel & HostClock & ManifestSource

    /// After so many plans in a row that were complete and left something to do, no further plan is made until the next
    /// apply.
    private static let maxFailedProofs = 8

    let kernel: any Host
    let configuration: ReconcilerConfiguration
    let state: RuntimeState
    let journal: TurnJournal
    let waves: WaveExecutor
    private let standalone: StandaloneController
    private let reporter: ApplyReporter

    /// Makes the plans; a test replaces it to inject an invalid plan.
    var makePlan: (DesiredState, Observed, PlanOptions) -> Plan = { Planner.plan($0, $1, $2) }
    /// The invariant that the last plan violates, as a message; nil when it violates none.
    private(set) var violation: String?
    /// The time at which holds are evaluated; nil before the first revision.
    ///
    /// It is later than the last apply only in a reconciler that syncs: another one makes deferred changes when the next
    /// apply comes.
    var evaluatedAt: WallTime?
    /// When the next hold ends; nil if no change waits for it.
    var nextHoldEnd: WallTime? { didSet { updateHoldTimer() } }
    /// The deadline for it.
    private(set) var holdTimer: Moment?
    /// The services that use each watched file.
    var servicesByFile: [String: Set<QualifiedName>] = [:]
    /// How many plans in a row were made to prove that nothing is left to do, and found something.
    private var failedProofs = 0
    /// How long the reconciliations have taken.
    private var durations = ReconcileDurations()

    init(
        kernel: any Host,
        configuration: ReconcilerConfiguration,
        state: RuntimeState,
        journal: TurnJournal,
        waves: WaveExecutor,
        standalone: StandaloneController,
        reporter: ApplyReporter
    ) {
        self.kernel = kernel
        self.configuration = configuration
        self.state = state
        self.journal = journal
        self.waves = waves
        self.standalone = standalone
        self.reporter = reporter
    }

    /// Makes a plan and begins to carry it out.
    ///
    /// - Parameters:
    ///   - retriesFailed: Whether services that have given up are started again.
    ///   - retriesNow: Whether jobs that wait for their next try are tried now. An apply does that (RS-1). A new
    ///     reconciler that continues the same revision does not (RS-3).
    ///   - rerunsFailed: Whether actions whose requested run has failed run again. Only an apply of a person does that.
    func run(retriesFailed: Bool, retriesNow: Bool = true, rerunsFailed: Bool = false) {
        let isProof = waves.openOperations.isEmpty && !retriesFailed
        if retriesFailed {
            for service in state.services.values { service.isRetryRequested = service.hasFailed }
        }
        let options = options(retriesFailed: retriesFailed, rerunsFailed: rerunsFailed)
        var observed = observed
        var plan = makePlan(state.declared, observed, options)
        if setKept(plan, observed) {
            observed = self.observed
            plan = makePlan(state.declared, observed, options)
        }
        let violations = PlanInvariants.violations(
            of: plan,
            desired: state.declared,
            observed: observed,
            options: options
        )
        violation = violations.first.map { "internal error: refused a plan that violates an invariant: \($0)" }
        if let violation { return journal.recordEvent(.error, "", violation) }
        let hasWork = plan.changes.contains(where: \.changesService)
        failedProofs = isProof && hasWork ? failedProofs + 1 : 0
        guard failedProofs < Self.maxFailedProofs else {
            journal.recordEvent(
                .error,
                "",
                "internal error: a completed plan left changes to make; waiting for the next apply"
            )
            failedProofs = 0
            return
        }
        hero_failpoint(FP_ST_1)
        recordDeferrals(of: plan)
        execute(plan)
        if durations.add(planWithWork: hasWork, at: kernel.now()) { kernel.publishDurations(durations) }
        if retriesFailed, retriesNow { retryWaitingJobs(of: plan) }
    }

    /// An apply begins: a new plan is made after failed proofs.
    func allowProofs() { failedProofs = 0 }

    private func execute(_ plan: Plan) {
        waves.discardOperations()
        for change in plan.changes {
            if change.isStandalone { standalone.assign(change) } else { waves.assignOperation(change) }
        }
        waves.buildGates()
        reporter.addPlan(plan, state.services)
        waves.openGates()
        standalone.advanceAll()
    }

    private func retryWaitingJobs(of plan: Plan) {
        for change in plan.changes where change.actionNow.keepsRunning {
            if change.isStandalone {
                if let entry = state.standalone[change.service] { standalone.retryNow(entry) }
            } else if let service = state.services[change.service] {
                waves.retryNow(service)
            }
        }
    }

    /// The time of the wall clock.
    var wallTime: WallTime { kernel.wallTime() }

    /// Calculates the deadline again: the clock may have been set.
    func updateHoldTimer() {
        holdTimer = nextHoldEnd.map { kernel.now() + .microseconds(max(0, $0.microseconds - wallTime.microseconds)) }
    }

    /// What the planner must know besides the manifests.
    func options(retriesFailed: Bool, rerunsFailed: Bool = false) -> PlanOptions {
        var options = optionsWithoutTime(retriesFailed: retriesFailed, rerunsFailed: rerunsFailed)
        options.goesBack = state.revision?.goesBackTo != nil
        options.time = evaluatedAt ?? state.revision?.time
        return options
    }

    private func optionsWithoutTime(retriesFailed: Bool, rerunsFailed: Bool) -> PlanOptions {
        guard let revision = state.revision else {
            return PlanOptions(retriesFailed: retriesFailed, rerunsFailed: rerunsFailed)
        }
        // Protected services and the disruption limit were checked when the revision was accepted.
        guard revision.isDown else {
            return PlanOptions(
                prunes: revision.prunes,
                retriesFailed: retriesFailed,
                rerunsFailed: rerunsFailed,
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

    // MARK: The observed state

    /// The observed state: the records in memory, which the events of the kernel keep correct.
    var observed: Observed {
        var result = Observed(revision: state.revisionNumber)
        for service in state.services.values where service.record.run != nil {
            let spec = service.record.spec
            result.services[service.name] = ObservedService(
                canonical: service.record.canonical,
                requires: spec.cascadingRequires,
                after: spec.orderingDependencies,
                serviceClass: spec.serviceClass,
                state: observedState(of: service),
                isActive: service.isActive
            )
            result.services[service.name]?.milestones = service.milestones
            result.services[service.name]?.spec = spec
            result.services[service.name]?.wanted = service.record.wanted
            result.services[service.name]?.hold = service.record.hold
            result.services[service.name]?.contents = service.observedContents
            result.services[service.name]?.reloadFailure = service.reloadFailure
        }
        result.once = state.once
        for entry in state.standalone.values where !entry.isRemoved {
            result.standalone[entry.name] = ObservedStandalone(
                canonical: entry.record.canonical,
                isActive: entry.isActive,
                isScheduled: entry.record.isScheduleActive,
                requestedRun: entry.record.requestedRun,
                hasFailed: entry.job?.lifecycle.phase == .finished(.failed)
            )
        }
        return result
    }

    /// For the planner, a failed service that must be tried again is down, or is being stopped.
    private func observedState(of service: ServiceEntry) -> ServiceState {
        guard service.isRetryRequested else { return service.record.state }
        let keepsJobs = state.desired.services[service.name].map { service.canKeepActiveJobs($0.spec) } ?? false
        return service.isActive && !keepsJobs ? .stopping : .stopped
    }

    /// The observed state, with the holders of everything that the wanted actions bind, and with reasons why their
    /// starts would fail.
    func observedWithInspection(of wanted: DesiredState, checksStarts: Bool) -> Observed {
        let entries = state.services.values.flatMap(\.jobs) + state.standalone.values.compactMap(\.job)
        let batch = ActionInspectionBatch(
            wanted,
            jobs: entries.map(\.lifecycle.record).filter(\.phase.isActive),
            baseEnvironment: kernel.baseEnvironment,
            checksStarts: checksStarts
        )
        var result = observed
        batch.addResults(kernel.inspectActions(batch.requests), to: &result)
        addContents(of: wanted, to: &result)
        return result
    }
}

extension PlanAction {
    /// Whether a running program goes on running.
    fileprivate var keepsRunning: Bool {
        switch self {
        case .keep, .update, .reload: true
        case .start, .stop, .restart, .blocked: false
        }
    }
}

extension Change {
    /// Whether a service must change for it.
    ///
    /// A standalone action decides itself what it does next.
    fileprivate var changesService: Bool { actionNow.changesSomething && !isStandalone }
}

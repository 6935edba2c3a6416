import CHeroFailpoints
public import HeroKernel
import HeroLifecycle
public import HeroModel
import HeroPlan
public import HeroStore

/// The loop that brings the machine to the state that the last revision declares, and keeps it there.
///
/// Each turn has five steps. `prepareTurn` makes the plan that is due. `commitTurn` commits all rows of the turn in one
/// transaction. `performNextEffect` performs the effects, one at a time, only after the commit. `handle` processes the
/// events of the kernel, and `handleDueDeadlines` the timers. A plan is made when a revision comes, when a service
/// becomes ready that others wait for, and when all operations of the last plan are complete: an empty plan is the
/// proof of an apply.
///
/// The reconciler uses one thread and no locks. It owns one object for each job: see the properties. The steps are
/// separate so that a simulation can stop between any two of them.
public final class Reconciler {
    let kernel: any Kernel
    let configuration: ReconcilerConfiguration
    /// The declared and the running services.
    let state = RuntimeState()
    /// The rows and effects of the current turn.
    let journal: TurnJournal
    /// Performs effects.
    private let effects: EffectExecutor
    /// Commits rows, and manages store outages.
    let storeHealth: StoreHealth
    /// Delivers events to jobs.
    private let jobs: JobController
    /// Carries out the stop and start waves of services.
    let waves: WaveExecutor
    /// Runs standalone actions.
    private let standalone: StandaloneController
    /// Makes and verifies plans.
    private let plans: PlanController
    /// Records revisions.
    let revisions: RevisionController
    /// Whether the reconciler leaves once everything that a `down` stops has stopped, because that takes longer than the
    /// client waited.
    var leavesWhenStopped = false
    /// Follows a git repository; nil without one.
    private let follower: RepositoryFollower?
    /// Reports to the clients that wait for a revision.
    let reporter: ApplyReporter
    /// Removes ended jobs.
    private let cleanup: JobCleanup
    /// Handles requests on the control socket.
    private let requests: RequestHandler
    private let recoveryRecords: RecoveryRecords

    /// Restores what the database and the kernel know.
    ///
    /// It does nothing else before `run` or the single steps.
    ///
    /// - Throws: `StoreError` when the database cannot be read.
    public init(kernel: any Kernel, store: StateStore, configuration: ReconcilerConfiguration) throws {
        self.kernel = kernel
        self.configuration = configuration
        journal = TurnJournal(clock: kernel)
        reporter = ApplyReporter(clock: kernel, journal: journal)
        storeHealth = StoreHealth(
            store: store,
            kernel: kernel,
            state: state,
            journal: journal,
            recreateStateDirectory: configuration.recreateStateDirectory
        )
        jobs = JobController(kernel: kernel, state: state, journal: journal, storeHealth: storeHealth)
        waves = WaveExecutor(
            state: state,
            journal: journal,
            jobs: jobs,
            reporter: reporter,
            storeHealth: storeHealth,
            clock: kernel,
            maxStartsPerTurn: configuration.maxStartsPerTurn
        )
        standalone = StandaloneController(
            state: state,
            journal: journal,
            jobs: jobs,
            reporter: reporter,
            storeHealth: storeHealth,
            clock: kernel
        )
        plans = PlanController(
            kernel: kernel,
            configuration: configuration,
            state: state,
            journal: journal,
            waves: waves,
            standalone: standalone,
            reporter: reporter
        )
        revisions = RevisionController(
            kernel: kernel,
            configuration: configuration,
            state: state,
            journal: journal,
            storeHealth: storeHealth,
            plans: plans,
            waves: waves,
            reporter: reporter
        )
        follower = RepositoryFollower(
            configuration.repository,
            kernel: kernel,
            state: state,
            journal: journal,
            plans: plans,
            revisions: revisions,
            reporter: reporter
        )
        cleanup = JobCleanup(clock: kernel, state: state, journal: journal, storeHealth: storeHealth)
        requests = RequestHandler(
            kernel: kernel,
            configuration: configuration,
            state: state,
            journal: journal,
            storeHealth: storeHealth,
            plans: plans,
            revisions: revisions,
            reporter: reporter,
            cleanup: cleanup,
            follower: follower
        )
        recoveryRecords = RecoveryRecords(directory: kernel, journal: journal)
        effects = EffectExecutor(
            kernel: kernel,
            journal: journal,
            jobs: jobs,
            storeHealth: storeHealth,
            recoveryRecords: recoveryRecords
        )
        connectParts()
        let recovery = Recovery(
            kernel: kernel,
            configuration: configuration,
            state: state,
            journal: journal,
            storeHealth: storeHealth,
            jobs: jobs,
            waves: waves,
            standalone: standalone,
            recoveryRecords: recoveryRecords
        )
        try recovery.run()
    }

    private func connectParts() {
        jobs.onChange = { [unowned reporter, unowned waves, unowned standalone] job in
            reporter.handleChange(of: job)
            switch job.owner {
            case .service(let service): waves.advance(service)
            case .standalone(let entry): standalone.advance(entry)
            }
        }
        storeHealth.onRecovery = { [unowned jobs, unowned state, unowned revisions] postponed in
            jobs.resumePostponed(postponed)
            state.needsPlan = true
            revisions.requestSync()
        }
    }

    // MARK: Observers

    /// Receives every recorded event, for the log of the program.
    public var log: (EventRecord) -> Void {
        get { journal.log }
        set { journal.log = newValue }
    }

    /// Receives every reply to an apply of this process.
    public var onProgress: (ControlReply) -> Void {
        get { reporter.onReply }
        set { reporter.onReply = newValue }
    }

    /// How the last apply ended; nil while it is in progress.
    public var result: ApplyResult? { reporter.result }

    /// Whether the database takes no writes, so that only the recorded state is maintained.
    public var hasStoreOutage: Bool { storeHealth.outage != nil }

    /// Makes the plans; a test replaces it to inject an invalid plan.
    var makePlan: (DesiredState, Observed, PlanOptions) -> Plan {
        get { plans.makePlan }
        set { plans.makePlan = newValue }
    }

    // MARK: The loop

    /// Runs until the reconciler is asked to exit, or until its one pass is complete.
    public func run() {
        start()
        while !isFinished {
            prepareTurn()
            if hero_is_disabled(HERO_INTENTION) != 0 { while performNextEffect() {} }
            _ = commitTurn()
            while performNextEffect() {}
            if isFinished { break }
            handle(kernel.nextEvents(until: nextDeadline))
            handleDueDeadlines()
        }
    }

    /// Reads the services directory where the mode requires it, and makes the first plan.
    public func start() {
        startSafeMode()
        revisions.start()
        if let follower {
            follower.start()
        } else if configuration.mode != .keep {
            kernel.publishRepositoryStatus(nil)
        }
    }

    /// A `down` of this process itself, when no other reconciler is running.
    public func startDown(all: Bool) { revisions.startDown(all: all) }

    /// Whether the reconciler has nothing left to do and must exit.
    public var isFinished: Bool {
        if case .leaving(atOnce: true) = state.lifecycle { return true }
        let isDone = storeHealth.outage == nil && journal.rows.isEmpty && journal.effects.isEmpty && cleanup.isIdle
        // During an outage the rows cannot be stored; the next reconciler finds everything in the run directory.
        guard isDone || storeHealth.outage != nil else { return false }
        switch state.lifecycle {
        case .leaving: return !configuration.downOnExit || state.isAllDown
        case .safeModeEnded: return storeHealth.outage != nil || reporter.observers == nil
        case .runDirectoryMoved: return true
        case .running, .paused, .safeMode: break
        }
        return configuration.mode == .once && result != nil
    }

    /// Step 1: delivers the results of effects, continues cleanups, and makes the plan that is due.
    public func prepareTurn() {
        effects.deliverResults()
        waves.beginPostponedStarts()
        handleEssentialEnd()
        if storeHealth.outage == nil {
            storeHealth.restoreReserve()
            cleanup.startRetention()
            cleanup.removeNextBatch()
        }
        if let deadline = reporter.deadline, deadline <= kernel.now() { finishApply(isOverTime: true) }
        if leavesWhenStopped, reporter.observers == nil, waves.openOperations.isEmpty {
            leavesWhenStopped = false
            if state.isDown { state.lifecycle.leave() }
        }
        revisions.syncIfNeeded()
        if state.needsPlan, storeHealth.allowsPlan {
            state.needsPlan = false
            plans.run(retriesFailed: false)
        }
        finishApply(isOverTime: false)
    }

    /// Step 2: commits the rows of the turn in one transaction.
    ///
    /// - Returns: false when the store refused them; they are kept.
    public func commitTurn() -> Bool {
        waves.startQuota.reset()
        return storeHealth.commitTurn()
    }

    /// Step 3: performs the next effect of the turn.
    ///
    /// - Returns: false when none is left.
    public func performNextEffect() -> Bool { effects.performNext() }

    /// Step 4: processes events of the kernel.
    ///
    /// A request whose client has exited before the request is handled is dropped: that client has reported that the
    /// outcome is unknown, and a request that no client waits for must not surprise its user later.
    public func handle(_ events: [KernelEvent]) {
        let departed = Set(events.compactMap(\.departedClient))
        for (starts, other) in events.groupedByStarts {
            waves.deliverBatch { for event in starts { handle(event) } }
            guard let other else { continue }
            if case .requestReceived(let client, _) = other, departed.contains(client) {
                journal.recordEvent(.warning, "", "dropped a request: its client left before it was accepted")
            } else {
                handle(other)
            }
        }
    }

    /// Step 5: processes every deadline that is reached.
    public func handleDueDeadlines() {
        let now = kernel.now()
        jobs.handleDueDeadlines(now)
        standalone.handleDueDeadlines(now)
        revisions.handleDueDeadlines(now)
        plans.handleDueDeadlines(now)
        follower?.handleDueDeadlines(now)
        reporter.handleDueDeadlines(now, state.jobs)
        waves.handleDueDeadlines(now)
        checkSafeMode()
    }

    /// When the next turn must begin, even without an event; nil: only an event begins it.
    public var nextDeadline: Moment? {
        if effects.hasResults || waves.startQuota.hasWaiting { return kernel.now() }
        if state.needsPlan, storeHealth.allowsPlan { return kernel.now() }
        var deadlines = [
            jobs.nextDeadline, reporter.nextDeadline, state.lifecycle.nextSafeModeCheck, waves.outdatedBlockers.dueAt,
        ]
        if let outage = storeHealth.outage {
            deadlines.append(outage.nextRetry)
        } else {
            guard cleanup.isIdle else { return kernel.now() }
            deadlines += [
                standalone.nextDeadline, cleanup.retentionDue, revisions.removalGrace.endsAt,
                revisions.waitingCheckAt, plans.holdTimer, follower?.nextFetchAt, storeHealth.reserveRetryAt,
            ]
        }
        return deadlines.compactMap { $0 }.min()
    }

    /// Ends the apply when nothing changes any more, or when its time is over.
    private func finishApply(isOverTime: Bool) {
        guard let observers = reporter.observers else { return }
        let check = ConvergenceCheck(
            state: state,
            openOperations: waves.openOperations,
            openStops: waves.openStops,
            planViolation: plans.violation,
            outage: storeHealth.outage
        )
        guard reporter.isOver(observers, check, isOverTime: isOverTime) else { return }
        let result = check.result(of: observers, isOverTime: isOverTime)
        reporter.finish(observers, result)
        if configuration.exitsWhenDown, state.isDown {
            if result.isConverged { state.lifecycle.leave() } else { leavesWhenStopped = true }
        }
    }

    // MARK: Events

    private func handle(_ event: KernelEvent) {
        switch event {
        case .start(let start, let event): jobs.handle(event, of: start)
        case .warning(let label, let text): journal.recordEvent(.warning, label, text)
        case .clockChanged:
            standalone.handleClockChange()
            plans.handleClockChange()
        case .machineSlept:
            jobs.handleMachineResume()
            plans.handleClockChange()
        case .filesChanged:
            if let safeMode = configuration.safeMode {
                endSafeMode("something has changed in \(safeMode.directory)")
            } else {
                revisions.handleFileChange()
            }
        case .contentChanged(let paths): if configuration.safeMode == nil { plans.handleContentChange(paths) }
        case .repositoryFetched(let reply): follower?.handle(reply)
        case .runDirectoryLost(let recovery): handleLostRunDirectory(recovery)
        case .requestReceived(let client, let message): requests.handle(client, message)
        case .clientDisconnected(let client): reporter.observers?.removeClient(client)
        case .terminationRequested: handleTermination()
        }
    }

    /// The run directory was removed by another program; services run on.
    private func handleLostRunDirectory(_ recovery: RunDirectoryRecovery) {
        switch recovery {
        case .restored:
            journal.recordEvent(.warning, "", "the run directory was removed while in use, and was created again")
            for job in state.jobs.values where !job.lifecycle.isIdle { recoveryRecords.write(of: job) }
        case .moved(to: let directory):
            let text = "the run directory was removed and cannot be created again; a new reconciler uses \(directory)"
            journal.recordEvent(.error, "", text)
            state.lifecycle.moveRunDirectory()
        case .failed(let reason):
            let text = "the run directory was removed and cannot be created again, so nothing can start: \(reason)"
            journal.recordEvent(.error, "", text)
        }
    }
}

import CHeroFailpoints
public import HeroKernel
import HeroLifecycle
import HeroManifest
public import HeroModel
import HeroPlan
public import HeroStore

/// The loop that makes the machine what the last revision declares, and keeps it so.
///
/// Overview: `run` is look, think, record, act, for ever. What happens outside arrives as kernel events and moves jobs
/// (HeroLife); what moves is put down as rows and deeds; `record` commits all rows of one turn in one transaction, and only
/// then are the deeds done, one by one. A plan is made when a revision comes, when something that blocks others came up, and
/// when all orders of the last plan are carried out: an empty plan is the proof of an apply.
///
/// Implementation: one thread, no locks. The steps are separate so that a simulation can stop between any two of them.
public final class Reconciler<Host: Kernel> {
    let kernel: Host
    let store: StateStore
    let configuration: ReconcilerConfiguration
    let requestBuilder: LaunchRequestBuilder

    var desired = DesiredState()
    var revision: RevisionRecord?
    var files: [ManifestFile] = []
    var services: [QualifiedName: ServiceEntry] = [:]
    var standalone: [QualifiedName: StandaloneEntry] = [:]
    var jobs: [JobID: JobEntry] = [:]
    var jobDeadlines = DeadlineQueue<JobID>()
    var scheduleDeadlines = DeadlineQueue<QualifiedName>()
    var nextJob: JobID = 1
    var nextRun: RunID = 1

    /// The names of services that may have jobs or runs on record besides those in memory: of others none are looked for.
    var servicesWithHistory: Set<String> = []

    /// Rows of this turn, not yet committed.
    var rows = RowBatch()
    /// Deeds of this turn, done after the commit, oldest first.
    var pendingEffects: [PendingEffect] = []
    private var nextEffect = 0
    /// Starts of the last turn that were not made any more; their jobs are told in the next one.
    var cancelledStarts: [StartID] = []
    /// Starts that were killed in the last turn although they had been killed before; their jobs are told what is left in the
    /// next one.
    var unkillableStarts: [StartID] = []

    /// Orders that are not carried out yet; when the last one is, the loop looks again.
    var openOperations: Set<QualifiedName> = []
    /// Of those, the ones that still have something to stop: starts wait for all of them.
    var openStops: Set<QualifiedName> = []
    /// Who asks its gate again when a service has moved.
    var waiters: [QualifiedName: Set<QualifiedName>] = [:]
    /// Which services must be down before a service may stop.
    var stopDependents: [QualifiedName: Set<QualifiedName>] = [:]
    /// Services whose state is `blocked`: when something comes up, they may not be any more.
    var blockedServices: Set<QualifiedName> = []
    /// Services that gave up and that an apply asked to try again: a plan made before that is done must not forget it.
    var requestedRetries: Set<QualifiedName> = []
    var needsPlan = false
    /// Whether the directory may have changed while nothing could be recorded.
    var needsSync = false
    /// Plans in a row that were made to prove that nothing is left to do, and found something.
    var failedProofs = 0

    var follower: ApplySession?
    /// `down` was ordered: a reconciler that syncs leaves its directory alone until the next apply.
    var isPaused = false
    /// Who has left the directory's files, and is given time to come back.
    var removalGrace = RemovalGracePeriod()
    var isExiting = false
    /// Whether it was asked to leave a second time: nothing is waited for any more.
    private var exitsImmediately = false
    /// Why the last commit failed; nil when it did not.
    var trouble: StoreOutage?
    /// The last revision that the database knows: what is in its place later is the same one if it knows it too.
    var recorded: RevisionRecord?
    /// Jobs that the database does not know yet.
    var unstoredJobs: Set<JobID> = []
    /// Of those, the ones whose moment has come meanwhile.
    var postponedJobs: Set<JobID> = []
    /// Whether the database was lost, and was made again when this reconciler began.
    var isRebuilt = false
    /// Whether a database that was made again does not know yet which numbers were given.
    var mustContinueNumbers = false
    /// When the reserve of disk space is made again; nil while it is there.
    var reserveRetryAt: Moment?
    var passDeadline: Moment?
    /// When safe mode ends at the latest; nil where there is none.
    var safeModeEnd: Moment?
    /// When it is looked next whether it must end.
    var safeModeCheckAt: Moment?
    var isSafeModeOver = false
    /// Cleanups under way: each removes a part in every turn.
    var cleanups: [CleanupTask] = []
    /// The rules that retention last ran by, and when it runs again.
    var retention: (rules: [RetentionRule], due: Moment?) = ([], nil)
    /// Who makes plans; tests put one with a fault of its own here.
    var makePlan: (DesiredState, Observed, PlanOptions) -> Plan = { Planner.plan($0, $1, $2) }
    /// The law that our last plan broke, in words; nil as long as our planner keeps to them.
    var brokenLaw: String?
    /// How the last pass ended; nil while it goes on.
    public internal(set) var result: ApplyResult?

    /// Called with every event that is recorded, for the program's own log.
    public var log: (EventRecord) -> Void = { _ in }
    /// Called with every answer of an apply that this process ordered itself.
    public var onProgress: (ControlReply) -> Void = { _ in }

    /// Takes up what the store and the kernel know.
    ///
    /// Nothing is done before `run` or the single steps.
    ///
    /// - Throws: what the store throws when it cannot be read.
    public init(kernel: Host, store: StateStore, configuration: ReconcilerConfiguration) throws {
        self.kernel = kernel
        self.store = store
        self.configuration = configuration
        requestBuilder = LaunchRequestBuilder(baseEnvironment: kernel.baseEnvironment)
        try recover()
    }

    // MARK: The loop

    /// Stays until it is asked to leave, or until its one pass is over.
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

    /// Whether there is nothing left for this reconciler to do.
    public var isFinished: Bool {
        if exitsImmediately { return true }
        if trouble != nil {
            // What cannot be written keeps nobody from leaving: the next one finds it in the run directory.
            if isExiting { return !configuration.downOnExit || isAllDown }
            if isSafeModeOver { return true }
            if configuration.mode == .once { return result != nil }
        }
        guard rows.isEmpty, nextEffect == pendingEffects.count, cleanups.isEmpty else { return false }
        if isExiting { return !configuration.downOnExit || isAllDown }
        if isSafeModeOver { return follower == nil }
        switch configuration.mode {
        case .once: return result != nil
        case .sync, .keep: return false
        }
    }

    /// Think: makes the plan that is due, and says how a pass has ended.
    public func prepareTurn() {
        let calledOff = cancelledStarts
        self.cancelledStarts = []
        for start in calledOff { deliver(start, .launchCancelled(generation: start.generation)) }
        let unkillable = unkillableStarts
        self.unkillableStarts = []
        for start in unkillable {
            deliver(start, .survivedKill(generation: start.generation, kernel.survivors(of: start)))
        }
        if trouble == nil {
            restoreReserve()
            startRetentionCleanup()
            continueCleanup()
        }
        if let passDeadline, passDeadline <= kernel.now() { finishPass(isOverTime: true) }
        if needsSync, trouble == nil {
            needsSync = false
            handleFileChange()
        }
        if needsPlan, canPlan {
            needsPlan = false
            planAndExecute(retriesFailed: false)
        }
        finishPass(isOverTime: false)
    }

    /// Record: commits the rows of this turn in one transaction.
    ///
    /// - Returns: false when the store refused them. They are kept, and until they are stored only those deeds are done that keep
    ///   up what is there: see `mayDo`.
    public func commitTurn() -> Bool {
        guard !rows.isEmpty else { return true }
        if let trouble, kernel.now() < trouble.nextRetry { return false }
        if let error = commit() {
            beginOutage(error)
            return false
        }
        hero_failpoint(FP_MF_3)
        endOutage()
        return true
    }

    /// Act: does the next deed of this turn.
    ///
    /// - Returns: false when none is left.
    public func performNextEffect() -> Bool {
        guard trouble == nil else {
            pendingEffects.removeFirst(nextEffect)
            nextEffect = 0
            guard let index = pendingEffects.firstIndex(where: canPerform) else { return false }
            perform(pendingEffects.remove(at: index))
            return true
        }
        guard nextEffect < pendingEffects.count else {
            pendingEffects.removeAll(keepingCapacity: true)
            nextEffect = 0
            return false
        }
        let deed = pendingEffects[nextEffect]
        nextEffect += 1
        perform(deed)
        return true
    }

    /// Look: takes in what happened.
    public func handle(_ events: [KernelEvent]) {
        for event in events {
            switch event {
            case .started(let start, let report):
                deliver(
                    start,
                    .started(
                        generation: start.generation,
                        process: report.process,
                        at: report.at,
                        time: report.time
                    )
                )
            case .mainProcessReplaced(let start, let process):
                deliver(start, .mainProcessReplaced(generation: start.generation, process: process))
            case .notified(let start, let report):
                deliver(start, .notified(generation: start.generation, report))
            case .ended(let start, let report):
                handleEnd(start, report)
            case .shimLost(let start, let report): handleShimLoss(start, report)
            case .probeFinished(let start, let serial, let answer):
                hero_failpoint(FP_PR_1)
                switch answer {
                case .succeeded: deliver(start, .probeSucceeded(generation: start.generation, serial: serial))
                case .failed(let reason):
                    deliver(start, .probeFailed(generation: start.generation, serial: serial, reason))
                case .skipped(let reason):
                    deliver(start, .probeSkipped(generation: start.generation, serial: serial, reason))
                }
            case .unsafeProgram(let label, let text): recordEvent(.warning, label, "insecure_exec: \(text)")
            case .clockChanged: handleClockChange()
            case .machineSlept: handleMachineResume()
            case .filesChanged:
                if let safe = configuration.safeMode {
                    endSafeMode("something has changed in \(safe.directory)")
                } else {
                    handleFileChange()
                }
            case .requestReceived(let request, let message): handleRequest(request, message)
            case .clientDisconnected(let request): follower?.removeClient(request)
            case .terminationRequested: handleTermination()
            }
        }
    }

    private var isAllDown: Bool {
        services.values.allSatisfy { !$0.isActive } && standalone.values.allSatisfy { !$0.isActive }
    }

    /// Look at the clock: wakes the jobs and the schedules whose moment has come.
    public func handleDueDeadlines() {
        let now = kernel.now()
        while let id = jobDeadlines.popDue(now) {
            guard let entry = jobs[id], let deadline = entry.lifecycle.deadline, deadline <= now else { continue }
            guard trouble == nil || !unstoredJobs.contains(id) else {
                postponedJobs.insert(id)
                continue
            }
            if case .backingOff = entry.lifecycle.phase { hero_failpoint(FP_RS_2) }
            deliver(entry, .deadlineReached)
        }
        // A run that comes due would be a new one: it is looked at when it can be recorded.
        while trouble == nil, let name = scheduleDeadlines.popDue(now) {
            guard let entry = standalone[name], let moment = entry.wakeAt, moment <= now else { continue }
            handleScheduleDue(entry)
        }
        if let due = removalGrace.endsAt, due <= now { handleFileChange() }
        checkSafeMode()
    }

    /// When the loop must look at the latest; nil: not before something happens.
    public var nextDeadline: Moment? {
        guard cancelledStarts.isEmpty else { return kernel.now() }
        if needsPlan, canPlan { return kernel.now() }
        if let trouble {
            return [trouble.nextRetry, jobDeadlines.next, passDeadline, safeModeCheckAt].compactMap { $0 }.min()
        }
        guard cleanups.isEmpty else { return kernel.now() }
        let due = [
            jobDeadlines.next, scheduleDeadlines.next, passDeadline, retention.due, removalGrace.endsAt, reserveRetryAt,
            safeModeCheckAt,
        ]
        return due.compactMap { $0 }.min()
    }

    // MARK: Rows and words

    func makeEvent(_ level: EventRecord.Level, _ subject: String, _ text: String, source: String = "reconciler")
        -> EventRecord
    {
        EventRecord(time: kernel.wallTime(), level: level, source: source, subject: subject, text: text)
    }

    /// Records that something happened.
    func recordEvent(_ level: EventRecord.Level, _ subject: String, _ text: String, source: String = "reconciler") {
        let event = makeEvent(level, subject, text, source: source)
        rows.append(.event(event))
        log(event)
    }

    private func handleTermination() {
        guard !isExiting else { return exitImmediately() }
        isExiting = true
        guard configuration.downOnExit else { return }
        recordEvent(.info, "", "asked to leave; taking everything down first")
        takeDown(all: true)
    }

    /// The second time (P1-2): the shims kill what is left, whether or not anybody waits for it.
    private func exitImmediately() {
        guard configuration.downOnExit, !exitsImmediately else { return }
        exitsImmediately = true
        recordEvent(.warning, "", "asked again to leave; killing what is left at once")
        _ = commitTurn()
        for job in jobs.values where !job.lifecycle.isIdle {
            kernel.killTree(StartID(job: job.id, generation: job.lifecycle.record.generation))
        }
    }
}

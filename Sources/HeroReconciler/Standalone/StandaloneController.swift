import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan
import HeroStore

/// Runs standalone actions: once for each change (`run_on: apply`), and by their schedules.
final class StandaloneController {
    /// How many jobs of a standalone action keep their logs, the newest one included.
    private static let keptLogs = 20
    /// How many jobs of a standalone action are kept, the newest one included.
    private static let keptJobs = 1000

    let state: RuntimeState
    let journal: TurnJournal
    private let jobs: JobController
    private let reporter: ApplyReporter
    let storeHealth: StoreHealth
    let schedules: ScheduleController

    init(
        state: RuntimeState,
        journal: TurnJournal,
        jobs: JobController,
        reporter: ApplyReporter,
        storeHealth: StoreHealth,
        clock: any HostClock
    ) {
        self.state = state
        self.journal = journal
        self.jobs = jobs
        self.reporter = reporter
        self.storeHealth = storeHealth
        schedules = ScheduleController(clock: clock, state: state, journal: journal)
    }

    // MARK: Plans

    /// Applies one change of the plan to its action; `advance` then does what follows.
    func assign(_ change: Change) {
        let declared = state.desired.actions[change.service].flatMap { $0.spec.isStandalone ? $0.spec : nil }
        switch change.action {
        case .keep, .blocked: return
        case .stop:
            guard let entry = state.standalone[change.service] else { return }
            if declared == nil { remove(entry) } else { pause(entry) }
        case .start, .restart, .update, .reload:
            guard let declared else { return }
            apply(declared, change)
        }
    }

    /// Records the declared spec, and whether a run is pending: the intention, in one transaction with the revision.
    private func apply(_ spec: ActionSpec, _ change: Change) {
        let number = state.revisionNumber
        let canonical = CanonicalSpec(standalone: spec)
        let known = state.standalone[change.service].flatMap { $0.isRemoved ? nil : $0 }
        let entry =
            known
            ?? StandaloneEntry(StandaloneRecord(change.service, spec: spec, canonical: canonical, revision: number))
        // A job of the removed entry may still be ending: there is one active job at a time.
        if known == nil { entry.job = state.standalone[change.service]?.job }
        state.standalone[entry.name] = entry
        let ranOnApply = known?.record.spec.runOn == .apply
        let isScheduleUnchanged = known?.record.spec.schedule == spec.schedule
        let keepsSchedule = isScheduleUnchanged && known?.record.isScheduleActive ?? false
        entry.record.spec = spec
        entry.record.canonical = canonical
        entry.record.revision = number
        if Self.requestsRun(change, spec) {
            entry.record.requestedRun = .pending
            journal.recordEvent(.info, entry.name.description, "runs once for revision \(number)")
        } else if ranOnApply, spec.runOn == .none {
            // A run that a raised generation has requested stays requested.
            entry.record.requestedRun = .none
        } else if change.action == .update {
            journal.recordEvent(.info, entry.name.description, change.updateText)
        }
        entry.record.isScheduleActive = spec.schedule != nil
        if spec.schedule == nil {
            entry.record.isRunQueued = false
            schedules.clear(entry)
            // The new spec counts at once. Only a scheduled run ends with the spec it began with.
            if change.action == .update, let job = entry.job {
                job.pinnedSpec = spec
                if !job.lifecycle.isIdle { journal.effects.append(.writeRecoveryRecord(job)) }
            }
        } else if !keepsSchedule {
            schedules.catchUpAfterPause(entry, isUnchanged: isScheduleUnchanged)
            schedules.begin(entry)
            schedules.recordNextRun(entry)
        }
        journal.rows.append(.standalone(entry.record))
        if change.action == .restart { cancel(entry) }
    }

    /// Whether a change requests a run now.
    ///
    /// A scheduled action runs at its times, once when its generation rises, and again when that run has failed.
    private static func requestsRun(_ change: Change, _ spec: ActionSpec) -> Bool {
        guard change.action != .update else { return false }
        let isGenerationRaised = change.fields.contains { $0.path == "generation" && $0.cost == .restart }
        let isNew = change.reason.code == .declared
        guard spec.runOn == .apply || isGenerationRaised && !isNew else { return change.reason.code == .notRunning }
        switch change.reason.code {
        case .declared, .specChanged, .generationRaised, .notRunning: return true
        case .wantedStart, .wantedStop, .undeclared, .cascade, .conflict, .unhealthy, .unchanged, .ignored,
            .requirementDown, .onceUnknown:
            return false
        }
    }

    /// `down`: stops the job, and pauses the schedule until the next apply.
    ///
    /// A pending run stays pending.
    private func pause(_ entry: StandaloneEntry) {
        entry.record.isRunQueued = false
        entry.record.isScheduleActive = false
        schedules.clear(entry)
        journal.rows.append(.standalone(entry.record))
        cancel(entry)
    }

    /// The action is not declared any more: its record goes at once, its jobs stay as history.
    private func remove(_ entry: StandaloneEntry) {
        guard !entry.isRemoved else { return }
        entry.isRemoved = true
        entry.record.isRunQueued = false
        entry.wakeAt = nil
        journal.rows.append(.standaloneRemoved(entry.name))
        cancel(entry)
    }

    func cancel(_ entry: StandaloneEntry) {
        guard let job = entry.job, entry.isActive else { return }
        jobs.deliverDirectly(job, .stopRequested)
    }

    // MARK: Runs

    /// Does what follows for all actions after a plan.
    func advanceAll() {
        for entry in state.standaloneByName { advance(entry) }
    }

    /// Does what follows for an action from the current phase of its job.
    func advance(_ entry: StandaloneEntry) {
        var next: StandaloneEntry? = entry
        while let entry = next, !entry.isActive { next = advanceIdle(entry) }
    }

    /// - Returns: the entry that has waited for the job of this one; nil when there is none.
    private func advanceIdle(_ entry: StandaloneEntry) -> StandaloneEntry? {
        if let job = entry.job, job.lifecycle.phase == .pending, !entry.isRemoved {
            jobs.deliverDirectly(job, .startRequested)
            return nil
        }
        recordFulfilledRequest(entry)
        reportEnd(entry)
        guard entry.isRemoved else {
            let hasRun = entry.record.requestedRun == .pending || entry.record.isRunQueued
            if hasRun, storeHealth.outage == nil, !state.isDown { beginRun(entry) }
            return nil
        }
        // A new entry of the same name may have been declared while the job of the removed one was ending.
        if state.standalone[entry.name] === entry { state.standalone[entry.name] = nil }
        if let job = entry.job { state.jobs[job.id] = nil }
        return state.standalone[entry.name]
    }

    /// Begins a run: its job is recorded together with the fact that the run is not pending any more.
    private func beginRun(_ entry: StandaloneEntry) {
        let isRequested = entry.record.requestedRun == .pending
        if isRequested, reporter.observers != nil { entry.isAwaited = true }
        entry.record.isRunQueued = false
        entry.hasReportedSkip = false
        if isRequested { entry.record.requestedRun = .begun }
        if let former = entry.job {
            entry.formerStart = former.lifecycle.record.pastStart ?? entry.formerStart
            state.jobs[former.id] = nil
        }
        pruneJobs(of: entry)
        let job = jobs.makeJob(entry.record.spec, for: .standalone(entry))
        entry.job = job
        entry.record.job = job.id
        journal.rows.append(.standalone(entry.record))
        let folder = LaunchRequestBuilder.logFolder(entry.name.context, service: nil, action: entry.name.name)
        // The log of the new job does not exist yet.
        journal.effects.append(.pruneLogs(folder, keepingJobs: Self.keptLogs - 1))
        jobs.deliverDirectly(job, .startRequested)
        if entry.isAwaited { reporter.reportProgress(entry, .starting) }
    }

    /// Removes the oldest jobs before a new one is created, so that a schedule cannot fill the database.
    private func pruneJobs(of entry: StandaloneEntry) {
        let old = storeHealth.read(
            orRecord: "cannot read which of its jobs are old, so all of them are kept",
            entry.name.description
        ) { try $0.endedStandaloneJobs(of: entry.name, exceptNewest: Self.keptJobs - 1) }
        // For a job in memory, memory is newer than the database.
        let removed = old.filter { state.jobs[$0]?.lifecycle.isIdle ?? true }
        for id in removed { state.jobs[id] = nil }
        if !removed.isEmpty { journal.rows.append(.jobsRemoved(removed)) }
    }

    /// Records that the requested run has succeeded or was cancelled.
    ///
    /// A run that has failed stays requested.
    private func recordFulfilledRequest(_ entry: StandaloneEntry) {
        guard entry.record.requestedRun == .begun, !entry.isRemoved, let job = entry.job else { return }
        switch job.lifecycle.record.phase {
        case .succeeded, .cancelled: break
        case .failed, .pending, .waiting, .running, .retrying: return
        }
        entry.record.requestedRun = .none
        journal.rows.append(.standalone(entry.record))
    }

    private func reportEnd(_ entry: StandaloneEntry) {
        guard entry.isAwaited, let job = entry.job else { return }
        entry.isAwaited = false
        switch job.lifecycle.record.phase {
        case .succeeded: reporter.reportProgress(entry, .exited)
        case .failed:
            reporter.reportProgress(entry, .failed)
            reporter.observers?.addFailure(of: entry, job.lifecycle.record.error)
        case .cancelled: reporter.reportProgress(entry, .stopped)
        case .pending, .waiting, .running, .retrying: break
        }
    }

    /// Tries a job again that waits for its next try.
    func retryNow(_ entry: StandaloneEntry) {
        guard !entry.isRemoved, let job = entry.job else { return }
        jobs.deliverDirectly(job, .retryRequested)
        advance(entry)
    }

    // MARK: Schedules

    /// The earliest moment at which a schedule may come due; nil when none does.
    var nextDeadline: Moment? { schedules.nextDeadline }

    /// The calendar was set.
    func handleClockChange() { schedules.handleClockChange() }

    /// Makes the runs that are due.
    ///
    /// During a store outage they wait, because a run must be recorded.
    func handleDueDeadlines(_ now: Moment) {
        while storeHealth.outage == nil, let entry = schedules.takeDue(now) {
            let (isDue, run) = schedules.takeRun(of: entry)
            guard isDue else { continue }
            if let run { beginDueRun(entry, run) }
            journal.rows.append(.standalone(entry.record))
        }
    }

    /// Makes a run that is due, unless the one before is active.
    private func beginDueRun(_ entry: StandaloneEntry, _ due: WallTime) {
        entry.record.lastDueAt = due
        guard let job = entry.job, entry.isActive else { return beginRun(entry) }
        switch entry.record.spec.schedule?.overlap ?? .skip {
        case .skip:
            recordSkippedRun(entry, job)
        case .queue:
            if entry.record.isRunQueued { recordSkippedRun(entry, job) }
            entry.record.isRunQueued = true
        case .replace:
            if !entry.record.isRunQueued {
                journal.recordEvent(
                    .info,
                    entry.name.description,
                    "job \(job.id) is stopped because the next run is due"
                )
            }
            entry.record.isRunQueued = true
            jobs.deliverDirectly(job, .stopRequested)
            advance(entry)
        }
    }

    /// Records one event for each job that runs longer than the interval of its schedule.
    private func recordSkippedRun(_ entry: StandaloneEntry, _ job: JobEntry) {
        guard !entry.hasReportedSkip else { return }
        entry.hasReportedSkip = true
        let what =
            entry.record.isRunQueued
            ? "one run waits for it, and further runs are skipped" : "runs are skipped until it ends"
        journal.recordEvent(
            .warning,
            entry.name.description,
            "job \(job.id) is still running when the next run is due; \(what)"
        )
    }
}

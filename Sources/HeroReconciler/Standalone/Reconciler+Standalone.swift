import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan
import HeroStore

extension Reconciler {
    /// How many jobs of a standalone action keep their logs, the newest one included.
    static var keptLogs: Int { 20 }
    /// How many jobs of a standalone action are kept, the newest one included.
    static var keptJobs: Int { 1000 }

    /// Turns one change of the plan into what its action is to do; `advance` does it.
    func assignStandalone(standalone change: Change) {
        let declared = desired.actions[change.service].flatMap { $0.spec.isStandalone ? $0.spec : nil }
        switch change.action {
        case .keep, .blocked: return
        case .stop:
            guard let entry = standalone[change.service] else { return }
            if declared == nil { remove(entry) } else { pause(entry) }
        case .start, .restart, .update:
            guard let declared else { return }
            applySpec(declared, change)
        }
    }

    /// Puts down what is declared now, and that a run is owed if one is: the intention, in one transaction with the revision.
    private func applySpec(_ spec: ActionSpec, _ change: Change) {
        let number = revision?.number ?? 0
        let canonical = CanonicalSpec(standalone: spec)
        let known = standalone[change.service].flatMap { $0.isRemoved ? nil : $0 }
        let entry =
            known
            ?? StandaloneEntry(StandaloneRecord(change.service, spec: spec, canonical: canonical, revision: number))
        // What is still on its way out is waited for: one instance at a time.
        if known == nil { entry.job = standalone[change.service]?.job }
        standalone[entry.name] = entry
        let keepsRhythm = known?.record.spec.schedule == spec.schedule && known?.record.isScheduleActive ?? false
        entry.record.spec = spec
        entry.record.canonical = canonical
        entry.record.revision = number
        if spec.runOn == .none {
            entry.record.isRunPending = false
        } else if Self.requestsRun(change) {
            entry.record.isRunPending = true
            recordEvent(.info, entry.name.description, "runs once for revision \(number)")
        } else if change.action == .update {
            recordEvent(.info, entry.name.description, "updated in place")
        }
        entry.record.isScheduleActive = spec.schedule != nil
        if spec.schedule == nil {
            entry.record.isRunQueued = false
            setNextRun(entry, nil)
            // What changes in place counts at once; only a scheduled run ends as it began.
            if change.action == .update, let job = entry.job {
                job.pinnedSpec = spec
                if !job.lifecycle.isIdle { pendingEffects.append(.writeRecoveryRecord(job)) }
            }
        } else if !keepsRhythm {
            let time = kernel.wallTime()
            setNextRun(entry, nextScheduledRun(of: entry, after: time, anchor: time))
            recordNextRun(entry)
        }
        rows.append(.standalone(entry.record))
        if change.action == .restart { cancel(entry) }
    }

    private static func requestsRun(_ change: Change) -> Bool {
        guard change.action != .update else { return false }
        switch change.reason.code {
        case .declared, .specChanged, .generationRaised: return true
        case .wantedStart, .wantedStop, .undeclared, .cascade, .conflict, .notRunning, .unhealthy, .unchanged, .ignored,
            .requirementDown:
            return false
        }
    }

    /// `down`: what runs is cancelled, and the schedule rests until the next apply; a run that is owed stays owed.
    private func pause(_ entry: StandaloneEntry) {
        entry.record.isRunQueued = false
        entry.record.isScheduleActive = false
        setNextRun(entry, nil)
        rows.append(.standalone(entry.record))
        cancel(entry)
    }

    /// Nobody declares it any more: its record goes at once, its jobs stay as history.
    func remove(_ entry: StandaloneEntry) {
        guard !entry.isRemoved else { return }
        entry.isRemoved = true
        entry.record.isRunQueued = false
        entry.wakeAt = nil
        rows.append(.standaloneRemoved(entry.name))
        cancel(entry)
    }

    private func cancel(_ entry: StandaloneEntry) {
        guard let job = entry.job, entry.isActive else { return }
        deliverDirectly(job, .stopRequested)
    }

    // MARK: Running

    /// Does what follows for a standalone action from how its job stands now.
    func advance(_ entry: StandaloneEntry) {
        guard !entry.isActive else { return }
        if let job = entry.job, job.lifecycle.phase == .pending, !entry.isRemoved {
            return deliverDirectly(job, .startRequested)
        }
        reportEnd(entry)
        if entry.isRemoved {
            // Another one of that name may have come meanwhile; then only the old one's job was still to end.
            if standalone[entry.name] === entry { standalone[entry.name] = nil }
            if let job = entry.job { jobs[job.id] = nil }
            return standalone[entry.name].map(advance) ?? ()
        }
        guard trouble == nil, !(revision?.isDown ?? false), entry.record.isRunPending || entry.record.isRunQueued else {
            return
        }
        beginRun(entry)
    }

    /// Begins a run: a job of its own, recorded together with the fact that the run is no longer owed.
    func beginRun(_ entry: StandaloneEntry) {
        if entry.record.isRunPending, follower != nil { entry.isAwaited = true }
        entry.record.isRunQueued = false
        entry.hasReportedSkip = false
        entry.record.isRunPending = false
        if let former = entry.job { jobs[former.id] = nil }
        pruneJobs(of: entry)
        let job = makeJob(entry.record.spec, for: .standalone(entry))
        entry.job = job
        entry.record.job = job.id
        rows.append(.standalone(entry.record))
        let folder = LaunchRequestBuilder.logFolder(entry.name.context, service: nil, action: entry.name.name)
        // The new job's log is still to come.
        pendingEffects.append(.pruneLogs(folder, keepingJobs: Self.keptLogs - 1))
        deliverDirectly(job, .startRequested)
        if entry.isAwaited { reportProgress(entry, .starting) }
    }

    /// A new job is coming: the oldest ones go, so that a schedule cannot fill the database.
    private func pruneJobs(of entry: StandaloneEntry) {
        do {
            let old = try store.reader.endedStandaloneJobs(of: entry.name, exceptNewest: Self.keptJobs - 1)
            // One that is still in memory may know more than the store.
            let gone = old.filter { jobs[$0]?.lifecycle.isIdle ?? true }
            for id in gone { jobs[id] = nil }
            if !gone.isEmpty { rows.append(.jobsRemoved(gone)) }
        } catch {
            recordEvent(
                .error,
                entry.name.description,
                "cannot read which of its jobs are old, so they are kept: \(error)"
            )
            handleDamage(error)
        }
    }

    private func reportEnd(_ entry: StandaloneEntry) {
        guard entry.isAwaited, let job = entry.job else { return }
        entry.isAwaited = false
        switch job.lifecycle.record.phase {
        case .succeeded: reportProgress(entry, .exited)
        case .failed:
            reportProgress(entry, .failed)
            let trouble = job.lifecycle.record.error.map { ": \($0)" } ?? ""
            follower?.failures.append("\(entry.name) failed\(trouble)")
        case .cancelled: reportProgress(entry, .stopped)
        case .pending, .waiting, .running, .retrying: break
        }
    }

    private func reportProgress(_ entry: StandaloneEntry, _ state: ServiceState) {
        guard let follower else { return }
        let detail = state == .failed ? entry.job?.lifecycle.record.error ?? "" : ""
        sendReply(follower, .progress(entry.name, state, detail: detail), isLast: false)
    }

    // MARK: Recovery

    /// Takes up the standalone actions as a former reconciler left them; their jobs are taken up after them.
    func recoverStandalone(_ records: [StandaloneRecord], _ stored: [JobRecord]) {
        for record in records { standalone[record.name] = StandaloneEntry(record) }
        for job in stored where job.service == nil && job.phase.isActive {
            let name = QualifiedName(job.action, context: job.context)
            guard standalone[name] == nil else { continue }
            // Its action was forgotten while it ended.
            let spec = spec(of: job) ?? ActionSpec(job.action, .exec(["false"]))
            let canonical = CanonicalSpec(standalone: spec)
            let entry = StandaloneEntry(
                StandaloneRecord(name, spec: spec, canonical: canonical, revision: job.revision)
            )
            entry.isRemoved = true
            standalone[name] = entry
        }
    }

    /// Takes up one job; an older one of the same action has ended, and only its traces are left.
    func addRecoveredJob(_ record: JobRecord, for entry: StandaloneEntry) -> JobEntry {
        let job = JobEntry(JobLifecycle(record), of: .standalone(entry))
        if record.phase.isActive, record.revision != entry.record.revision { job.pinnedSpec = spec(of: record) }
        if entry.job.map({ $0.id < record.id }) ?? true { entry.job = job }
        jobs[record.id] = job
        return job
    }

    /// Goes on where the former reconciler stood: what is owed, what waits, and when the schedule comes due.
    func resume(_ entry: StandaloneEntry) {
        resumeSchedule(entry)
        if entry.isRemoved { cancel(entry) }
        advance(entry)
    }

    /// What a job runs, from the manifests of the revision it was started under.
    private func spec(of job: JobRecord) -> ActionSpec? {
        let name = QualifiedName(job.action, context: job.context)
        do {
            let revision = try store.reader.revision(number: job.revision)
            return declared(in: try store.reader.files(of: job.revision), by: revision)?.actions[name]?.spec
        } catch {
            recordEvent(.error, name.description, "cannot read what job \(job.id) was started with: \(error)")
            return nil
        }
    }
}

import HeroKernel
import HeroLifecycle
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

/// Restores the state of a former reconciler: first the records, then the actual state of each job.
///
/// Jobs that run are adopted as they are. Only what does not run goes through a start (contract section 4).
struct Recovery {
    typealias Host = HostClock & ProcessControl & JobDirectory

    let kernel: any Host
    let configuration: ReconcilerConfiguration
    let state: RuntimeState
    let journal: TurnJournal
    let storeHealth: StoreHealth
    let jobs: JobController
    let waves: WaveExecutor
    let standalone: StandaloneController
    let recoveryRecords: RecoveryRecords

    private var store: StateStore { storeHealth.store }

    /// Restores everything.
    ///
    /// - Throws: `StoreError` when the database cannot be read.
    func run() throws {
        var stored = try loadState()
        storeHealth.didLoad(stored.revision)
        let isEmpty = stored.revision == nil
        let runDirectory = RunDirectoryImport(
            kernel: kernel,
            configuration: configuration,
            store: store,
            journal: journal,
            recoveryRecords: recoveryRecords
        )
        let (starts, isRebuilt) = runDirectory.run(&stored)
        restoreRevision(stored)
        let once = OnceRecovery(store: store, state: state, journal: journal, jobs: jobs)
        once.restore(stored.once)
        if isRebuilt { standalone.addUnrecorded(to: &stored) }
        waves.addRecovered(stored.services, runs: stored.runs)
        standalone.addRecovered(stored.standalone, stored.jobs)
        adoptJobs(stored.jobs, starts)
        once.complete(
            isDatabaseLost: isRebuilt || isEmpty && store.wasLost,
            hasManifests: Manifests.declared(in: stored.files, by: stored.revision) != nil,
            at: kernel.wallTime()
        )
        resumeServices(stored.jobs)
        waves.cancelWaitingJobsOfIgnoredServices()
        standalone.resumeAll()
        if isRebuilt {
            standalone.restartSchedules()
            storeHealth.didRebuild()
        }
    }

    /// Loads the database.
    ///
    /// One that is damaged is moved away, and an empty one is created.
    private func loadState() throws -> StoredState {
        do {
            return try store.load()
        } catch let error as StoreError where error.kind == .damaged {
            try store.recreate(because: error.message, at: kernel.wallTime())
            return try store.load()
        }
    }

    private func restoreRevision(_ stored: StoredState) {
        state.revision = stored.revision
        state.files = stored.files
        state.nextJob = stored.lastJob + 1
        state.nextRun = stored.lastRun + 1
        state.servicesWithHistory = stored.servicesWithHistory
        if state.isDown { state.lifecycle.pause() }
        if let wanted = Manifests.declared(in: stored.files, by: stored.revision) {
            // The first plan finds out whether they still wait.
            state.kept = Set(stored.services.lazy.filter { $0.deferred != nil }.map(\.name))
            let records = Dictionary(stored.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            state.declared = wanted
            state.desired = wanted.keeping(state.kept.sorted()) { name in
                records[name].map { ($0.spec, $0.wanted, isStarted: $0.isStartRequested) }
            }
        } else if !stored.files.isEmpty {
            // What was started stays as it was started: no client has requested a stop.
            let place = ManifestLocation(file: stored.revision?.directory ?? "", line: 1, column: 1)
            for record in stored.services { state.desired.services[record.name] = Declared(record.spec, at: place) }
            for record in stored.standalone { state.desired.actions[record.name] = Declared(record.spec, at: place) }
            state.declared = state.desired
            journal.recordEvent(
                .error,
                "",
                "cannot read the manifests of revision \(state.revisionNumber) any more; apply them again"
            )
        }
        if let revision = stored.revision { store.refreshAppliedRevisionFile(revision, stored.files) }
    }

    // MARK: Jobs

    private func adoptJobs(_ records: [JobRecord], _ starts: [JobID: RecoveredStart]) {
        var adopted = 0
        for record in records.sorted(by: { $0.id < $1.id }) {
            guard let entry = addJob(record) else { continue }
            let start = retiringUnseenStart(starts[record.id] ?? .notFound, of: record)
            if adopt(entry, start) {
                adopted += 1
                // An earlier version of heroproc may have started the job without a recovery record.
                if recoveryRecords.read(of: record.id) == nil { journal.effects.append(.writeRecoveryRecord(entry)) }
            }
            // A crash may have come between the row of the end and the removal of the files. For a retired start the
            // kernel keeps the record that refuses a late shim.
            if record.phase.isFinished || entry.lifecycle.phase == .pending { kernel.removeRuntimeFiles(record.id) }
        }
        for service in state.services.values { sortJobs(of: service) }
        if adopted > 0 {
            journal.recordEvent(.info, "", "adopted \(adopted) running \(adopted == 1 ? "job" : "jobs")")
        }
    }

    /// Adds a job to its owner; nil when its owner does not exist any more.
    private func addJob(_ record: JobRecord) -> JobEntry? {
        guard let name = record.service else {
            return state.standalone[QualifiedName(record.action, context: record.context)].map {
                standalone.addRecoveredJob(record, for: $0)
            }
        }
        guard let service = state.services[QualifiedName(name, context: record.context)] else { return nil }
        let entry = JobEntry(JobLifecycle(record), of: .service(service))
        state.jobs[record.id] = entry
        // An active job of an earlier run must stop together with the rest of its service.
        if record.run == service.record.run || record.phase.isActive { service.jobs.append(entry) }
        return entry
    }

    /// A start that is recorded and was never seen may still be on its way: retires it, or finds that it has begun.
    private func retiringUnseenStart(_ start: RecoveredStart, of record: JobRecord) -> RecoveredStart {
        guard record.phase == .running else { return start }
        var start = start
        // Whatever prevents the retirement has just begun, or is about to end.
        for _ in 0..<5 {
            switch start {
            case .supervised, .mainEnded, .orphaned: return start
            case .ended(let generation, _) where generation >= record.generation || generation == 0: return start
            case .ended, .notFound:
                guard !kernel.retire(StartID(job: record.id, generation: record.generation)) else { return start }
                start = kernel.adopt([record.id])[record.id] ?? .notFound
            }
        }
        return start
    }

    /// Continues a job from what was found of its start.
    ///
    /// - Returns: whether the start is still active.
    private func adopt(_ entry: JobEntry, _ start: RecoveredStart) -> Bool {
        let before = entry.lifecycle.record
        let tries = recentTries(of: entry)
        let (lifecycle, effects) = JobLifecycle.adopt(before, start, recentTries: tries, jobs.context(of: entry))
        entry.lifecycle = lifecycle
        if before.phase == .running, !start.isEnding { recordEnd(of: before, start, now: lifecycle.record) }
        jobs.recordChanges(entry, effects, before: before)
        // A crash may have come between the row of the start and its PID file.
        if let process = lifecycle.record.process {
            journal.effects.append(.updatePIDFile(entry, process, replacing: nil))
        }
        switch start {
        case .supervised, .mainEnded: return true
        case .orphaned:
            jobs.captureOutput(of: entry)
            return true
        case .ended, .notFound: return false
        }
    }

    /// The recorded starts of a job that may count for `retry.within`, oldest first.
    private func recentTries(of entry: JobEntry) -> RecentTries {
        let record = entry.lifecycle.record
        guard entry.spec.retry.within != nil, record.phase.isActive else { return RecentTries() }
        let (now, time) = (kernel.now(), kernel.wallTime())
        let starts = (try? store.reader.starts(of: record.id)) ?? []
        var times = starts.compactMap { $0.startedAt ?? $0.endedAt }
        // The current start gets its row when it ends.
        if record.phase == .running, let startedAt = record.startedAt, !times.contains(startedAt) {
            times.append(startedAt)
        }
        return RecentTries(times.map { now + .microseconds($0.microseconds &- time.microseconds) }.sorted())
    }

    /// Records an end that came while no reconciler was running.
    private func recordEnd(of before: JobRecord, _ recovered: RecoveredStart, now record: JobRecord) {
        guard record.outcome != before.outcome || record.finishedAt != before.finishedAt else { return }
        var start = StartRecord(
            job: record.id,
            generation: before.generation,
            startedAt: before.process == nil ? nil : before.startedAt,
            endedAt: record.finishedAt,
            outcome: record.outcome
        )
        if case .ended(let generation, let report) = recovered {
            // A start time that was recorded for this very start is kept when the report has none.
            start.startedAt = report.executed?.time ?? (generation > before.generation ? nil : start.startedAt)
            start.generation = max(generation, before.generation)
        }
        journal.rows.append(.start(start))
    }

    /// Sorts the jobs of a service by its actions, which is the order of starting.
    private func sortJobs(of service: ServiceEntry) {
        let order = Dictionary(
            service.record.spec.actions.enumerated().map { ($1.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        service.jobs.sort { order[$0.action, default: .max] < order[$1.action, default: .max] }
    }

    // MARK: Services

    private func resumeServices(_ records: [JobRecord]) {
        let rebooted = Set(records.filter(wasActiveBeforeReboot).compactMap(\.run))
        for service in state.servicesByName where service.record.run != nil {
            let isRebooted = service.record.run.map(rebooted.contains) ?? false
            // A restart of the machine is no ordered stop: nothing runs after it.
            if isRebooted { waves.endRun(of: service) }
            if isRebooted || service.jobs.allSatisfy({ $0.lifecycle.phase == .pending }) {
                waves.withdrawStart(service)
            }
            waves.advance(service)
        }
    }

    private func wasActiveBeforeReboot(_ job: JobRecord) -> Bool {
        guard let boot = job.lastBootID else { return false }
        return job.phase.isActive && boot != kernel.bootID
    }
}

extension RecoveredStart {
    /// Whether its main process has ended while other processes of its tree are running.
    fileprivate var isEnding: Bool {
        switch self {
        case .mainEnded: true
        case .supervised, .orphaned, .ended, .notFound: false
        }
    }
}

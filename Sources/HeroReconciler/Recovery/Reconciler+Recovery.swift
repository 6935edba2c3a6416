import HeroKernel
import HeroLifecycle
import HeroManifest
import HeroModel
import HeroStore

extension Reconciler {
    /// Takes up what a former reconciler left: records first, then what is really there of each job.
    ///
    /// What runs well is adopted as it is; only what does not run goes through a start (contract section 4).
    func recover() throws {
        var stored = try loadState()
        recorded = stored.revision
        let sightings = importRunDirectory(&stored)
        revision = stored.revision
        files = stored.files
        nextJob = stored.lastJob + 1
        nextRun = stored.lastRun + 1
        servicesWithHistory = stored.servicesWithHistory
        isPaused = stored.revision?.isDown ?? false
        // What was accepted once is not refused now for lack of the core: it may have been opted out of.
        if let wanted = declared(in: files, by: stored.revision) {
            desired = wanted
        } else if !files.isEmpty {
            // What was started stands as it was started: nobody has asked for its end.
            let place = ManifestLocation(file: revision?.directory ?? "", line: 1, column: 1)
            for record in stored.services { desired.services[record.name] = Declared(record.spec, at: place) }
            for record in stored.standalone { desired.actions[record.name] = Declared(record.spec, at: place) }
            recordEvent(
                .error,
                "",
                "cannot read the manifests of revision \(revision?.number ?? 0) any more; apply them anew"
            )
        }
        if let revision { store.refreshAppliedRevisionFile(revision, files) }
        restoreStandaloneActions(&stored)
        for record in stored.services {
            services[record.name] = ServiceEntry(record)
            if record.state == .blocked { blockedServices.insert(record.name) }
        }
        for run in stored.runs { services[run.service]?.run = run }

        recoverStandalone(stored.standalone, stored.jobs)

        let rebooted = Set(stored.jobs.filter { wasActiveBeforeReboot($0) }.compactMap(\.run))
        var adopted = 0
        for record in stored.jobs.sorted(by: { $0.id < $1.id }) {
            guard let entry = addRecoveredJob(record) else { continue }
            let sighting = retiringUnseenStart(sightings[record.id] ?? .notFound, of: record)
            if adoptJob(entry, sighting) {
                adopted += 1
                // A program that wrote none may have started it.
                if readRecoveryRecord(of: record.id) == nil { pendingEffects.append(.writeRecoveryRecord(entry)) }
            }
            // A crash may have come between the row of its end and the removal of its traces; what was retired leaves none but
            // the record that keeps a late shim out.
            if record.phase.isFinished || entry.lifecycle.phase == .pending { kernel.removeRuntimeFiles(record.id) }
        }
        for service in services.values { sortJobs(of: service) }
        if adopted > 0 { recordEvent(.info, "", "took up \(adopted) running \(adopted == 1 ? "job" : "jobs")") }
        for service in services.values.sorted(by: { $0.name < $1.name }) where service.record.run != nil {
            let isRebooted = service.record.run.map(rebooted.contains) ?? false
            if isRebooted || service.jobs.allSatisfy({ $0.lifecycle.phase == .pending }) { withdrawStart(service) }
            advance(service)
        }
        for entry in standalone.values.sorted(by: { $0.name < $1.name }) { resume(entry) }
        if isRebuilt { rescheduleAll() }
        mustContinueNumbers = isRebuilt
    }

    /// What the database knows; one that holds what nobody can have written is moved away, and knows nothing then.
    private func loadState() throws -> StoredState {
        do {
            return try store.load()
        } catch let error as StoreError where error.kind == .damaged {
            try store.recreate(because: error.message, at: kernel.wallTime())
            return try store.load()
        }
    }

    /// When schedules come due next was lost with the database: they begin anew.
    private func rescheduleAll() {
        for entry in standalone.values.sorted(by: { $0.name < $1.name }) {
            guard entry.record.isScheduleActive, entry.record.nextRunAt == nil else { continue }
            let time = kernel.wallTime()
            setNextRun(entry, nextScheduledRun(of: entry, after: time, anchor: time))
            rows.append(.standalone(entry.record))
        }
    }

    /// What the files of a revision declare; nil when they cannot be read any more.
    func declared(in files: [ManifestFile], by revision: RevisionRecord?) -> DesiredState? {
        let options = ManifestOptions(requiresCore: false, variables: revision?.variables ?? [:])
        return Manifests.read(files, options: options).desired
    }

    /// A start that is on record and was never seen may still be on its way: it is retired, or has just come to be.
    private func retiringUnseenStart(_ sighting: RecoveredStart, of record: JobRecord) -> RecoveredStart {
        guard record.phase == .running else { return sighting }
        var sighting = sighting
        // Whoever keeps it from being retired has just come to be, or only looks and is gone at once.
        for _ in 0..<5 {
            switch sighting {
            case .supervised, .orphaned: return sighting
            case .ended(let generation, _) where generation >= record.generation || generation == 0: return sighting
            case .ended, .notFound:
                guard !kernel.retire(StartID(job: record.id, generation: record.generation)) else { return sighting }
                sighting = kernel.adopt([record.id])[record.id] ?? .notFound
            }
        }
        return sighting
    }

    /// Puts a job where it belongs; nil when nobody knows its service any more.
    private func addRecoveredJob(_ record: JobRecord) -> JobEntry? {
        guard let name = record.service else {
            return standalone[QualifiedName(record.action, context: record.context)].map {
                addRecoveredJob(record, for: $0)
            }
        }
        guard let service = services[QualifiedName(name, context: record.context)] else { return nil }
        let entry = JobEntry(JobLifecycle(record), of: .service(service))
        jobs[record.id] = entry
        // What is active of an earlier run must go with the rest of its service.
        if record.run == service.record.run || record.phase.isActive { service.jobs.append(entry) }
        return entry
    }

    /// Takes up what is there of a job.
    ///
    /// - Returns: whether a start of it goes on.
    private func adoptJob(_ entry: JobEntry, _ sighting: RecoveredStart) -> Bool {
        let record = entry.lifecycle.record
        let (life, effects) = JobLifecycle.adopt(record, RecoveredJobStart(sighting), context(of: entry))
        entry.lifecycle = life
        if record.phase == .running { recordEnd(of: record, sighting, now: life.record) }
        recordChanges(entry, effects, before: record)
        // A crash may have come between the row of its start and its PID file.
        if let process = life.record.process { pendingEffects.append(.updatePIDFile(entry, process, insteadOf: nil)) }
        switch sighting {
        case .supervised: return true
        case .orphaned:
            captureOutput(of: entry)
            return true
        case .ended, .notFound: return false
        }
    }

    private func wasActiveBeforeReboot(_ job: JobRecord) -> Bool {
        guard let boot = job.lastBootID else { return false }
        return job.phase.isActive && boot != kernel.bootID
    }

    /// A run of which nothing was started yet, or that a restart of the machine has ended, goes through its gates again: what it
    /// requires may not be up.
    private func withdrawStart(_ service: ServiceEntry) {
        guard service.record.isStartRequested else { return }
        service.record.isStartRequested = false
        setState(service, .stopped)
        recordState(service)
    }

    /// An end that nobody saw goes into the ledger like any other.
    private func recordEnd(of before: JobRecord, _ sighting: RecoveredStart, now record: JobRecord) {
        guard record.outcome != before.outcome || record.finishedAt != before.finishedAt else { return }
        var start = StartRecord(
            job: record.id,
            generation: before.generation,
            startedAt: before.process == nil ? nil : before.startedAt,
            endedAt: record.finishedAt,
            outcome: record.outcome
        )
        if case .ended(let generation, let report) = sighting {
            // What was seen of this very start before stays seen, whatever its record had no time to say.
            start.startedAt = report.executed?.time ?? (generation > before.generation ? nil : start.startedAt)
            start.generation = max(generation, before.generation)
        }
        rows.append(.start(start))
    }

    /// Jobs stand in the order of their actions, which is the order of starting.
    private func sortJobs(of service: ServiceEntry) {
        let order = Dictionary(
            service.record.spec.actions.enumerated().map { ($1.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        service.jobs.sort { order[$0.action, default: .max] < order[$1.action, default: .max] }
    }
}

extension RecoveredJobStart {
    /// The same in the words of a job's life.
    init(_ sighting: RecoveredStart) {
        switch sighting {
        case .supervised(let generation, let report?):
            self = .supervised(generation: generation, process: report.process, at: report.at, time: report.time)
        case .supervised(let generation, nil):
            self = .supervised(
                generation: generation,
                process: nil,
                at: Moment(nanoseconds: 0),
                time: WallTime(microseconds: 0)
            )
        case .orphaned(let generation, let report):
            self = .shimLost(generation: generation, process: report.process, at: report.at, time: report.time)
        case .ended(let generation, let report):
            self = .ended(
                generation: generation,
                report.outcome,
                executed: report.executed != nil,
                time: report.time,
                ranFor: report.runDuration
            )
        case .notFound:
            self = .notFound
        }
    }
}

extension EndReport {
    /// How long its program executed; nothing where that is not known, or where the calendar was set back meanwhile.
    fileprivate var runDuration: Duration {
        guard let executed, let time else { return .zero }
        let (lived, overflow) = time.microseconds.subtractingReportingOverflow(executed.time.microseconds)
        return overflow ? .zero : max(.zero, .microseconds(lived))
    }
}

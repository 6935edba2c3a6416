import HeroKernel
import HeroManifest
import HeroModel
import HeroStore

/// Completes a database that is lost, or older than the run directory (DB-4, DB-5).
///
/// The database is a history. Running jobs are known from the run directory, and the desired state from the copy of the
/// last applied revision. Only history is lost with the database.
struct RunDirectoryImport {
    /// A job in the run directory that the database does not know.
    private struct UnrecordedJob {
        var record: JobRecoveryRecord
        var start: RecoveredStart
    }

    let kernel: any HostClock & ProcessControl & JobDirectory
    let configuration: ReconcilerConfiguration
    let store: StateStore
    let journal: TurnJournal
    let recoveryRecords: RecoveryRecords

    /// Completes the loaded state from the run directory.
    ///
    /// - Returns: what was found of each job that is active in the database or in the run directory, and whether the
    ///   database was lost and is rebuilt.
    func run(_ stored: inout StoredState) -> (starts: [JobID: RecoveredStart], isRebuilt: Bool) {
        let present = kernel.jobsInRunDirectory()
        let known = Set(stored.jobs.map(\.id))
        let withFiles = Set(present)
        let active = stored.jobs.filter { $0.phase == .running || (!$0.phase.isFinished && withFiles.contains($0.id)) }
        var starts = kernel.adopt(active.map(\.id), known: knownPrograms(active))
        for index in stored.jobs.indices { update(&stored.jobs[index], starts[stored.jobs[index].id]) }

        var found: [UnrecordedJob] = []
        for id in present where !known.contains(id) {
            guard let record = recoveryRecords.read(of: id) else { continue }
            let start = kernel.adopt([id])[id] ?? .notFound
            // A used number without an active row: the job has ended, and a crash came before its files were removed.
            guard id > stored.lastJob || start.isAlive else {
                kernel.removeRuntimeFiles(id)
                continue
            }
            starts[id] = start
            found.append(UnrecordedJob(record: record, start: start))
        }
        let isLost = stored.revision == nil && stored.services.isEmpty && stored.standalone.isEmpty
        let quarantine = store.quarantine
        importJobs(found, into: &stored, starts)
        let copy = isLost ? store.appliedRevisionFile : nil
        guard !found.isEmpty || quarantine != nil || copy != nil else { return (starts, false) }

        stored.lastJob = max(stored.lastJob, kernel.highestJobID(), quarantine?.lastJob ?? 0)
        stored.lastRun = ([stored.lastRun, quarantine?.lastRun ?? 0] + found.compactMap(\.record.run?.id)).max() ?? 0
        if isLost, stored.revision == nil { restoreRevision(&stored, copy, found) }
        recordRebuild(found.count, isLost: isLost)
        return (starts, isLost)
    }

    /// The programs that run according to the database.
    private func knownPrograms(_ jobs: [JobRecord]) -> [JobID: KnownProgram] {
        var programs: [JobID: KnownProgram] = [:]
        for job in jobs where job.phase == .running {
            guard let process = job.process, let startedAt = job.startedAt else { continue }
            programs[job.id] = KnownProgram(generation: job.generation, process: process, startedAt: startedAt)
        }
        return programs
    }

    /// A job was started during a store outage: then its recovery record is newer than its row.
    ///
    /// Its shim may not have come as far as its record yet. Then only the recovery record shows that a start is on its
    /// way, which must be retired before another one is made (I1).
    private func update(_ job: inout JobRecord, _ start: RecoveredStart?) {
        let start = start ?? .notFound
        let isNewer = (start.generation ?? 0) > job.generation
        guard isNewer || !start.isAlive else { return }
        if let record = recoveryRecords.read(of: job.id), record.job.generation > job.generation {
            job = accepted(UnrecordedJob(record: record, start: start))
            for start in record.starts { journal.rows.append(.start(start)) }
        } else if isNewer {
            job.process = nil
            job.phase = .running
        } else {
            return
        }
        journal.rows.append(.job(job))
    }

    /// The job of a recovery record, which is older than its start.
    ///
    /// A program that has executed for longer than its start timeout was found ready, because otherwise it would have
    /// been stopped.
    private func accepted(_ found: UnrecordedJob) -> JobRecord {
        var job = found.record.job
        guard case .supervised(let generation, let report?) = found.start, generation == job.generation,
            job.process == nil, let action = found.record.action, kernel.now() - report.at > action.startTimeout
        else { return job }
        job.process = report.process
        job.executions &+= 1
        job.restartCount = max(job.restartCount, job.executions &- 1)
        job.startedAt = report.time
        job.deadline = nil
        job.isReady = action.isProcess
        return job
    }

    // MARK: Jobs that the database does not know

    private func importJobs(
        _ found: [UnrecordedJob],
        into stored: inout StoredState,
        _ starts: [JobID: RecoveredStart]
    ) {
        let services = Dictionary(grouping: found.filter { $0.record.service != nil }) { $0.record.service?.name }
        for (name, group) in services {
            if let name { importJobs(group, of: name, into: &stored, starts) }
        }
        for one in found where one.record.service == nil { importStandaloneJob(one, into: &stored) }
    }

    private func importStandaloneJob(_ found: UnrecordedJob, into stored: inout StoredState) {
        guard var record = found.record.standalone else { return }
        let job = accepted(found)
        record.job = max(record.job ?? 0, job.id)
        stored.jobs.append(job)
        if let index = stored.standalone.firstIndex(where: { $0.name == record.name }) {
            stored.standalone[index].job = max(stored.standalone[index].job ?? 0, job.id)
            record = stored.standalone[index]
        } else {
            stored.standalone.append(record)
        }
        journal.rows.append(.standalone(record))
        journal.rows.append(.job(job))
        for start in found.record.starts { journal.rows.append(.start(start)) }
    }

    /// Imports the jobs of one service.
    ///
    /// The run directory is newer than the database.
    private func importJobs(
        _ group: [UnrecordedJob],
        of name: QualifiedName,
        into stored: inout StoredState,
        _ starts: [JobID: RecoveredStart]
    ) {
        guard
            let newest = group.max(by: {
                ($0.record.run?.id ?? 0, $0.record.job.id) < ($1.record.run?.id ?? 0, $1.record.job.id)
            }),
            let record = newest.record.service, let run = newest.record.run
        else { return }
        let own = stored.jobs.indices.filter {
            stored.jobs[$0].service == name.name && stored.jobs[$0].context == name.context
        }
        let isKnown = own.contains { starts[stored.jobs[$0].id]?.isAlive ?? false }
        if !isKnown {
            for index in own where !stored.jobs[index].phase.isFinished { markLost(&stored.jobs[index]) }
            stored.services.removeAll { $0.name == name }
            stored.services.append(record)
            stored.runs.removeAll { $0.service == name }
            stored.runs.append(run)
            stored.servicesWithHistory.insert(name.name)
            journal.rows.append(.service(record))
            journal.rows.append(.run(run))
        }
        var jobs = isKnown ? [:] : siblings(in: group.filter { $0.record.run?.id == run.id })
        for known in stored.jobs { jobs[known.id] = nil }
        for one in group {
            let job = accepted(one)
            jobs[job.id] = job
            for start in one.record.starts { journal.rows.append(.start(start)) }
        }
        for job in jobs.values.sorted(by: { $0.id < $1.id }) {
            stored.jobs.append(job)
            journal.rows.append(.job(job))
        }
    }

    /// The other jobs of a run, from the newest record of each.
    private func siblings(in group: [UnrecordedJob]) -> [JobID: JobRecord] {
        var jobs: [JobID: JobRecord] = [:]
        for sibling in group.flatMap(\.record.siblings) {
            if let other = jobs[sibling.id], other.phase.isFinished || other.generation > sibling.generation {
                continue
            }
            jobs[sibling.id] = sibling
        }
        return jobs
    }

    /// Nothing is left of this job, and its service has changed without the database.
    private func markLost(_ job: inout JobRecord) {
        job.phase = .failed
        job.outcome = .lost("the database was older than the running jobs")
        job.error = job.outcome.map { "\($0)" }
        job.process = nil
        job.finishedAt = kernel.wallTime()
        journal.rows.append(.job(job))
    }

    // MARK: The revision

    /// Restores the revision from its copy next to the database, unless a job is newer; else makes one that declares
    /// nothing.
    private func restoreRevision(_ stored: inout StoredState, _ copy: AppliedRevisionFile?, _ found: [UnrecordedJob]) {
        let seen = found.map { one in
            max(one.record.run?.revision ?? 0, one.record.service?.revision ?? 0, one.record.job.revision)
        }
        let newest = max(seen.max() ?? 0, store.quarantine?.lastRevision ?? 0)
        if let copy, copy.revision.number >= newest {
            stored.revision = copy.revision
            stored.files = copy.files
        } else {
            guard !found.isEmpty else { return }
            // This text declares nothing: the services stay as they were started until the next apply.
            let text = "The manifests of this revision were lost with the database: apply them again."
            let folder = configuration.directory ?? ""
            stored.files = [ManifestFile(path: "\(folder)/lost", baseDirectory: folder, bytes: Array(text.utf8))]
            stored.revision = RevisionRecord(
                number: max(newest, copy?.revision.number ?? 0, 1),
                time: kernel.wallTime(),
                directory: folder,
                actor: "reconciler",
                summary: "rebuilt from the running jobs; its manifests were lost"
            )
        }
        guard let revision = stored.revision else { return }
        let documents = StoredDocument.documents(of: stored.files, revision)
        journal.rows.append(.revision(revision, files: stored.files, documents: documents))
    }

    private func recordRebuild(_ count: Int, isLost: Bool) {
        let jobs = count == 1 ? "1 job" : "\(count) jobs"
        guard isLost else {
            return journal.recordEvent(
                .warning,
                "",
                "the state database is older than the run directory: imported \(jobs) from it"
            )
        }
        let fate = store.quarantine?.path.map { "the old file is kept as \($0)" } ?? "the old file is gone"
        let reason = store.quarantine.map { ": \($0.reason)" } ?? ""
        journal.recordEvent(
            .warning,
            "",
            "db_rebuilt: the state database was lost and is rebuilt from \(jobs) of the run directory; "
                + "\(fate)\(reason)",
            source: "store"
        )
        journal.recordEvent(
            .warning,
            "",
            "db_rebuilt: earlier jobs, starts, revisions and events are lost",
            source: "store"
        )
    }
}

extension RecoveredStart {
    /// Its generation; nil when no start was found.
    fileprivate var generation: UInt32? {
        switch self {
        case .supervised(let generation, _), .mainEnded(let generation, _, _), .orphaned(let generation, _),
            .ended(let generation, _):
            generation
        case .notFound: nil
        }
    }

    /// Whether a process of it is alive.
    fileprivate var isAlive: Bool {
        switch self {
        case .supervised, .mainEnded, .orphaned: true
        case .ended, .notFound: false
        }
    }
}

import HeroKernel
import HeroLifecycle
import HeroManifest
import HeroModel
import HeroStore

/// What was found in the run directory that the database does not know.
private struct UnrecordedJob {
    var recoveryRecord: JobRecoveryRecord
    var recoveredStart: RecoveredStart
}

/// Going on with a database that is lost, or behind (reliability.md DB-4, DB-5).
///
/// The database is a ledger. What runs is known from the records in the run directory and from what stands beside them; what is
/// wanted, from the copy of the last applied revision. Only history is lost with it.
extension Reconciler {
    /// Completes what the database knows by what is there of jobs.
    ///
    /// - Returns: what is there of each job that the database, or the run directory, knows as one that goes on.
    func importRunDirectory(_ stored: inout StoredState) -> [JobID: RecoveredStart] {
        let onRecord = kernel.jobsInRunDirectory()
        let known = Set(stored.jobs.map(\.id))
        let traced = Set(onRecord)
        let going = stored.jobs.filter { $0.phase == .running || (!$0.phase.isFinished && traced.contains($0.id)) }
        var sightings = kernel.adopt(going.map(\.id))
        for index in stored.jobs.indices {
            updateFromRecoveryRecord(&stored.jobs[index], sightings[stored.jobs[index].id])
        }

        var found: [UnrecordedJob] = []
        for id in onRecord where !known.contains(id) {
            guard let origin = readRecoveryRecord(of: id) else { continue }
            let sighting = kernel.adopt([id])[id] ?? .notFound
            // A number that was given, and has no row that goes on: it is over, and a crash came before its traces were removed.
            guard id > stored.lastJob || sighting.isAlive else {
                kernel.removeRuntimeFiles(id)
                continue
            }
            sightings[id] = sighting
            found.append(UnrecordedJob(recoveryRecord: origin, recoveredStart: sighting))
        }
        let isLost = stored.revision == nil && stored.services.isEmpty && stored.standalone.isEmpty
        let quarantine = store.quarantine
        importJobs(found, into: &stored, sightings)
        let copy = isLost ? store.appliedRevisionFile : nil
        guard !found.isEmpty || quarantine != nil || copy != nil else { return sightings }

        stored.lastJob = max(stored.lastJob, kernel.highestJobID(), quarantine?.lastJob ?? 0)
        stored.lastRun =
            ([stored.lastRun, quarantine?.lastRun ?? 0] + found.compactMap(\.recoveryRecord.run?.id)).max() ?? 0
        if isLost, stored.revision == nil { restoreRevision(&stored, copy, found) }
        recordRebuild(stored, found.count, isLost: isLost)
        return sightings
    }

    /// A job was started again while the database could not be written: what stands beside its record is newer.
    private func updateFromRecoveryRecord(_ job: inout JobRecord, _ sighting: RecoveredStart?) {
        guard let generation = sighting?.generation, generation > job.generation else { return }
        if let origin = readRecoveryRecord(of: job.id), origin.job.generation > job.generation {
            job = origin.job
            for start in origin.starts { rows.append(.start(start)) }
            acceptRecord(&job, sighting, origin.action)
        } else {
            job.process = nil
            job.phase = .running
        }
        rows.append(.job(job))
    }

    /// One that has executed for longer than it may take to become ready was found ready, or it would have been ended.
    private func acceptRecord(_ job: inout JobRecord, _ sighting: RecoveredStart?, _ action: ActionSpec?) {
        guard case .supervised(let generation, let report?)? = sighting, generation == job.generation,
            job.process == nil,
            let action, kernel.now() - report.at > action.startTimeout
        else { return }
        job.process = report.process
        job.executions &+= 1
        job.restartCount = max(job.restartCount, job.executions &- 1)
        job.startedAt = report.time
        job.deadline = nil
        job.isReady = action.isProcess
    }

    // MARK: What the database does not know

    private func importJobs(
        _ found: [UnrecordedJob],
        into stored: inout StoredState,
        _ sightings: [JobID: RecoveredStart]
    ) {
        let services = Dictionary(grouping: found.filter { $0.recoveryRecord.service != nil }) {
            $0.recoveryRecord.service?.name
        }
        for (name, group) in services {
            if let name { importJobs(group, of: name, into: &stored, sightings) }
        }
        for one in found where one.recoveryRecord.service == nil {
            guard var record = one.recoveryRecord.standalone else { continue }
            var job = one.recoveryRecord.job
            acceptRecord(&job, one.recoveredStart, one.recoveryRecord.action)
            record.job = max(record.job ?? 0, job.id)
            stored.jobs.append(job)
            if let index = stored.standalone.firstIndex(where: { $0.name == record.name }) {
                stored.standalone[index].job = max(stored.standalone[index].job ?? 0, job.id)
                record = stored.standalone[index]
            } else {
                stored.standalone.append(record)
            }
            for change in [.standalone(record), .job(job)] + one.recoveryRecord.starts.map(StoreChange.start) {
                rows.append(change)
            }
        }
    }

    /// Takes in the jobs of one service; what the database thinks of it is older than what runs.
    private func importJobs(
        _ group: [UnrecordedJob],
        of name: QualifiedName,
        into stored: inout StoredState,
        _ sightings: [JobID: RecoveredStart]
    ) {
        guard
            let newest = group.max(by: {
                ($0.recoveryRecord.run?.id ?? 0, $0.recoveryRecord.job.id) < (
                    $1.recoveryRecord.run?.id ?? 0, $1.recoveryRecord.job.id
                )
            }),
            let record = newest.recoveryRecord.service, let run = newest.recoveryRecord.run
        else { return }
        let own = stored.jobs.indices.filter {
            stored.jobs[$0].service == name.name && stored.jobs[$0].context == name.context
        }
        let isKnown = own.contains { sightings[stored.jobs[$0].id]?.isAlive ?? false }
        if !isKnown {
            for index in own where !stored.jobs[index].phase.isFinished { markLost(&stored.jobs[index]) }
            stored.services.removeAll { $0.name == name }
            stored.services.append(record)
            stored.runs.removeAll { $0.service == name }
            stored.runs.append(run)
            stored.servicesWithHistory.insert(name.name)
            rows.append(.service(record))
            rows.append(.run(run))
        }
        var jobs: [JobID: JobRecord] = [:]
        for one in group where !isKnown && one.recoveryRecord.run?.id == run.id {
            for sibling in one.recoveryRecord.siblings {
                if let other = jobs[sibling.id], other.phase.isFinished || other.generation > sibling.generation {
                    continue
                }
                jobs[sibling.id] = sibling
            }
        }
        for known in stored.jobs { jobs[known.id] = nil }
        for one in group {
            var job = one.recoveryRecord.job
            acceptRecord(&job, one.recoveredStart, one.recoveryRecord.action)
            jobs[job.id] = job
            for start in one.recoveryRecord.starts { rows.append(.start(start)) }
        }
        for job in jobs.values.sorted(by: { $0.id < $1.id }) {
            stored.jobs.append(job)
            rows.append(.job(job))
        }
    }

    /// A job of which nothing is left, and whose service has gone on without the database knowing.
    private func markLost(_ job: inout JobRecord) {
        job.phase = .failed
        job.outcome = .lost("the database was older than what runs")
        job.error = job.outcome.map { "\($0)" }
        job.process = nil
        job.finishedAt = kernel.wallTime()
        rows.append(.job(job))
    }

    // MARK: What is wanted

    /// The revision that holds: the copy beside the database, if nothing that runs is newer; else one that wants what runs.
    private func restoreRevision(_ stored: inout StoredState, _ copy: AppliedRevisionFile?, _ found: [UnrecordedJob]) {
        let seen = found.map { one in
            let origin = one.recoveryRecord
            return max(origin.run?.revision ?? 0, origin.service?.revision ?? 0, origin.job.revision)
        }
        let newest = max(seen.max() ?? 0, store.quarantine?.lastRevision ?? 0)
        if let copy, copy.revision.number >= newest {
            stored.revision = copy.revision
            stored.files = copy.files
        } else {
            guard !found.isEmpty else { return }
            // A text that declares nothing: what runs stands as it was started until the next apply.
            let text = "The manifests of this revision were lost with the database: apply them again."
            let folder = configuration.directory ?? ""
            stored.files = [ManifestFile(path: "\(folder)/lost", baseDirectory: folder, bytes: Array(text.utf8))]
            stored.revision = RevisionRecord(
                number: max(newest, copy?.revision.number ?? 0, 1),
                time: kernel.wallTime(),
                directory: folder,
                actor: "reconciler",
                summary: "made again around what runs; its manifests were lost"
            )
        }
        guard let revision = stored.revision else { return }
        rows.append(.revision(revision, files: stored.files, documents: documents(of: stored.files, revision)))
    }

    func documents(of files: [ManifestFile], _ revision: RevisionRecord) -> [StoredDocument] {
        let options = ManifestOptions(requiresCore: false, variables: revision.variables)
        return Manifests.read(files, options: options).documents.map {
            StoredDocument(kind: $0.kind, name: $0.name, file: $0.place.file, line: $0.place.line)
        }
    }

    /// After the database was lost, nobody knows whether a standalone action has run for its spec: it is not run twice.
    func restoreStandaloneActions(_ stored: inout StoredState) {
        guard isRebuilt, let revision = stored.revision else { return }
        for (name, declared) in desired.actions.sorted(by: { $0.key < $1.key }) where declared.spec.isStandalone {
            guard !stored.standalone.contains(where: { $0.name == name }) else { continue }
            let spec = declared.spec
            var record = StandaloneRecord(
                name,
                spec: spec,
                canonical: CanonicalSpec(standalone: spec),
                revision: revision.number
            )
            record.isScheduleActive = spec.schedule != nil && !revision.isDown
            if spec.runOn != .none {
                recordEvent(
                    .warning,
                    name.description,
                    "not run again: whether it has run for this revision was lost with the database; raise its generation to run it"
                )
            }
            stored.standalone.append(record)
            rows.append(.standalone(record))
        }
    }

    private func recordRebuild(_ stored: StoredState, _ count: Int, isLost: Bool) {
        isRebuilt = isLost
        let jobs = count == 1 ? "1 job" : "\(count) jobs"
        let around = "around \(jobs) of the run directory"
        guard isLost else {
            return recordEvent(
                .warning,
                "",
                "the state database is older than what runs: \(jobs) taken in from the run directory"
            )
        }
        let fate = store.quarantine?.path.map { "it is kept as \($0)" } ?? "nothing of it was left"
        let reason = store.quarantine.map { ": \($0.reason)" } ?? ""
        recordEvent(
            .warning,
            "",
            "db_rebuilt: the state database was lost and is made again \(around); \(fate)\(reason)",
            source: "store"
        )
        recordEvent(.warning, "", "db_rebuilt: earlier jobs, starts, revisions and events are lost", source: "store")
    }

    // MARK: A database that is lost while we live

    /// Makes the database again from what is in memory: nothing that runs notices.
    ///
    /// - Returns: whether there is one to write to; the rows of everything are written with the next batch.
    func rebuildStore(_ error: StoreError) -> Bool {
        guard configuration.recreateStateDirectory() else { return false }
        let isSame = error.kind == .gone && isSameDatabase
        if !isSame {
            guard (try? store.recreate(because: error.message, at: kernel.wallTime())) != nil else { return false }
        }
        let kept = rows.changes
        rows.removeAll()
        if let revision {
            rows.append(.revision(revision, files: files, documents: documents(of: files, revision)))
        }
        for service in services.values.sorted(by: { $0.name < $1.name }) {
            rows.append(.service(service.record))
            if let run = service.run { rows.append(.run(run)) }
        }
        for entry in standalone.values.sorted(by: { $0.name < $1.name }) where !entry.isRemoved {
            rows.append(.standalone(entry.record))
        }
        for job in jobs.values.sorted(by: { $0.id < $1.id }) { rows.append(.job(job.lifecycle.record)) }
        for change in kept where change.isHistory { rows.append(change) }
        mustContinueNumbers = true
        guard !isSame else {
            recordEvent(
                .warning,
                "",
                "another file has taken the place of the state database, with the same content: it goes on with that"
            )
            return true
        }
        let fate = store.quarantine?.path.map { "it is kept as \($0)" } ?? "nothing of it was left"
        recordEvent(.warning, "", "db_rebuilt: \(error.message); made again from memory, \(fate)", source: "store")
        recordEvent(.warning, "", "db_rebuilt: earlier jobs, starts, revisions and events are lost", source: "store")
        return true
    }

    /// Whether what stands in the place of the database is the same one on another disk: its last revision is ours.
    private var isSameDatabase: Bool {
        guard let recorded, (try? store.reopen()) != nil else { return false }
        return (try? store.reader.revision()) == recorded
    }
}

extension JobRecoveryRecord {
    /// The action that the job is a start of; nil where its service does not have it any more.
    fileprivate var action: ActionSpec? {
        service?.spec.actions.first { $0.name == job.action } ?? standalone?.spec
    }
}

extension RecoveredStart {
    /// The start it is about; nil when there is none.
    fileprivate var generation: UInt32? {
        switch self {
        case .supervised(let generation, _), .orphaned(let generation, _), .ended(let generation, _): generation
        case .notFound: nil
        }
    }

    /// Whether something of it lives.
    fileprivate var isAlive: Bool {
        switch self {
        case .supervised, .orphaned: true
        case .ended, .notFound: false
        }
    }
}

extension StoreChange {
    /// Whether it says what happened once, and not how something stands.
    fileprivate var isHistory: Bool {
        switch self {
        case .start, .event: true
        case .revision, .service, .serviceState, .serviceRemoved, .standalone, .standaloneRemoved, .run, .job,
            .jobsRemoved,
            .actionsRemoved, .runsRemoved:
            false
        }
    }
}

import HeroLifecycle
import HeroManifest
import HeroModel
import HeroStore

extension StandaloneController {
    /// Takes over the standalone actions that a former reconciler has recorded; their jobs follow with
    /// `addRecoveredJob`.
    func addRecovered(_ records: [StandaloneRecord], _ stored: [JobRecord]) {
        for record in records { state.standalone[record.name] = StandaloneEntry(record) }
        for job in stored where job.service == nil && job.phase.isActive {
            let name = QualifiedName(job.action, context: job.context)
            guard state.standalone[name] == nil else { continue }
            // The action was removed while its job was ending.
            let spec = recordedSpec(of: job) ?? ActionSpec(job.action, .exec(["false"]))
            let canonical = CanonicalSpec(standalone: spec)
            let entry = StandaloneEntry(
                StandaloneRecord(name, spec: spec, canonical: canonical, revision: job.revision)
            )
            entry.isRemoved = true
            state.standalone[name] = entry
        }
    }

    /// Takes over one job.
    ///
    /// An older job of the same action has ended, and only its files are left.
    func addRecoveredJob(_ record: JobRecord, for entry: StandaloneEntry) -> JobEntry {
        let job = JobEntry(JobLifecycle(record), of: .standalone(entry))
        if record.phase.isActive, record.revision != entry.record.revision { job.pinnedSpec = recordedSpec(of: record) }
        if entry.job.map({ $0.id < record.id }) ?? true { entry.job = job }
        state.jobs[record.id] = job
        return job
    }

    /// Continues all actions: pending runs, queued runs and schedules.
    func resumeAll() {
        for entry in state.standaloneByName {
            schedules.resume(entry)
            if entry.isRemoved { cancel(entry) }
            advance(entry)
        }
    }

    /// The database was lost: the schedules begin again.
    func restartSchedules() { schedules.restartAll() }

    /// After a lost database, whether an action has run for its spec is unknown: it does not run again.
    func addUnrecorded(to stored: inout StoredState) {
        guard let revision = stored.revision else { return }
        for (name, declared) in state.desired.actions.sorted(by: { $0.key < $1.key }) where declared.spec.isStandalone {
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
                journal.recordEvent(
                    .warning,
                    name.description,
                    "not run again: the database that recorded its run for this revision was lost; "
                        + "raise its generation to run it"
                )
            }
            stored.standalone.append(record)
            journal.rows.append(.standalone(record))
        }
    }

    /// The spec of a job, from the manifests of the revision that has started it.
    private func recordedSpec(of job: JobRecord) -> ActionSpec? {
        let name = QualifiedName(job.action, context: job.context)
        let reader = storeHealth.store.reader
        do {
            let revision = try reader.revision(number: job.revision)
            return Manifests.declared(in: try reader.files(of: job.revision), by: revision)?.actions[name]?.spec
        } catch {
            journal.recordEvent(
                .error,
                name.description,
                "cannot read the spec of job \(job.id): \(error)"
            )
            return nil
        }
    }
}

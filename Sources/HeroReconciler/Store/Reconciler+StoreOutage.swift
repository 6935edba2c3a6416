import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// The database takes nothing at the moment.
struct StoreOutage {
    /// Why.
    var error: StoreError
    /// Since when.
    var since: Moment
    /// When it is tried again.
    var nextRetry: Moment
}

/// Going on without a database that can be written (reliability.md DB-4, I11; decision 27).
///
/// What runs is kept running: ends are taken in, stops and kills are sent, and a job that the database knows is started again
/// after what it would have known was written beside its record. Whatever is new waits: revisions are refused, and no run begins. Rows
/// wait in memory, ends in the records too, since no trace is removed before its row is stored.
extension Reconciler {
    /// Commits all rows of this turn and one more; nothing of them stays when that succeeds.
    ///
    /// - Returns: why not.
    func commit(with change: StoreChange...) -> StoreError? {
        var batch = rows
        for change in change { batch.append(change) }
        do {
            do {
                if mustReopen { try reopen() }
                try store.commit(batch.changes)
            } catch let error as StoreError where error.kind == .damaged || error.kind == .gone {
                guard rebuildStore(error) else { throw error }
                batch = rows
                for change in change { batch.append(change) }
                try store.commit(batch.changes)
            }
            if mustContinueNumbers {
                try store.continueNumbers(after: nextJob - 1, run: nextRun - 1)
                mustContinueNumbers = false
            }
        } catch {
            return error as? StoreError ?? StoreError(.other, "\(error)")
        }
        for case .revision(let record, files: _, documents: _) in batch.changes { recorded = record }
        rows.removeAll()
        unstoredJobs.removeAll()
        checkReserve()
        return nil
    }

    /// Whether the database takes nothing, so that only what is recorded is kept up.
    public var hasStoreOutage: Bool { trouble != nil }

    /// Whether a plan may be made: what is recorded later can only be the way down.
    var canPlan: Bool { trouble == nil || revision?.isDown ?? false }

    /// Whether a connection may be what is broken: after an error of the disk, or of the directory, another one may work.
    private var mustReopen: Bool {
        switch trouble?.error.kind {
        case .readOnly, .inaccessible, .other: true
        case .full, .busy, .damaged, .gone, .newer, nil: false
        }
    }

    private func reopen() throws {
        guard configuration.recreateStateDirectory() else { return }
        try store.reopen()
        guard try store.reader.revision() == recorded else {
            throw StoreError(.gone, "cannot write the state database \(store.path): another one has taken its place")
        }
    }

    /// Looks at the whole database when something in it could not be read.
    func handleDamage(_ error: any Error) {
        guard (error as? StoreError)?.kind == .damaged, store.isDamaged else { return }
        let error = StoreError(.damaged, "\(error)")
        if !rebuildStore(error) { beginOutage(error) }
    }

    /// The database has refused a batch.
    func beginOutage(_ error: StoreError) {
        let now = kernel.now()
        let isNews = trouble?.error != error
        let since = trouble?.since ?? now
        trouble = StoreOutage(error: error, since: since, nextRetry: now + .seconds(1))
        rows.compact()
        guard isNews else { return }
        store.setBusyTimeout(duringOutage: true)
        log(
            makeEvent(
                .error,
                "",
                "cannot store what is intended, so nothing new is started: \(error); what runs is kept running"
            )
        )
        kernel.publishStoreOutage(error.message)
    }

    /// A batch was stored again.
    func endOutage() {
        guard let past = trouble else { return }
        trouble = nil
        store.setBusyTimeout(duringOutage: false)
        kernel.publishStoreOutage(nil)
        let length = Canonical.duration(.milliseconds(max(1, (kernel.now() - past.since).wholeMilliseconds)))
        let dropped = rows.takeDroppedCount()
        let loss = dropped == 0 ? "" : "; \(dropped) events of that time were not kept"
        recordEvent(
            .warning,
            "",
            "the state database takes writes again after \(length)\(loss); it had said: \(past.error)"
        )
        // What waits for its deed begins now, and has its time from now on.
        for (id, entry) in jobs where postponedJobs.contains(id) {
            jobDeadlines.add(kernel.now() + action(of: entry).startTimeout, id)
        }
        postponedJobs.removeAll()
        needsPlan = true
        needsSync = true
    }

    /// Whether a deed may be done although the rows of its turn are not stored.
    ///
    /// What only keeps up what is recorded, or ends something, may: it can be done twice. A start may when the job is recorded
    /// and the generation stands beside its record.
    func canPerform(_ deed: PendingEffect) -> Bool {
        switch deed {
        case .updatePIDFile, .reply, .writeRecoveryRecord: return true
        case .pruneLogs, .removeJobFiles, .finishCleanup: return false
        case .job(let entry, let effect):
            switch effect {
            case .removeSocket, .signal, .killTree, .startProbe, .stopProbe, .recordEvent: return true
            case .removeRuntimeFiles: return false
            case .launch(let generation):
                guard generation == entry.lifecycle.record.generation, case .launching = entry.lifecycle.phase else {
                    return true
                }
                return !unstoredJobs.contains(entry.id) && writeRecoveryRecord(of: entry)
            }
        }
    }

    // MARK: The reserve

    private func checkReserve() {
        if store.takeReserveReleased() {
            recordEvent(
                .error,
                "",
                "the disk of the state database is full: its reserve of 4 MiB was given back; free some space"
            )
        }
        if reserveRetryAt == nil, store.isReserveMissing { reserveRetryAt = kernel.now() + .seconds(60) }
    }

    /// Makes the reserve again once there is room.
    func restoreReserve() {
        guard let due = reserveRetryAt, due <= kernel.now() else { return }
        guard store.restoreReserve() else {
            reserveRetryAt = kernel.now() + .seconds(60)
            return
        }
        reserveRetryAt = nil
        recordEvent(.info, "", "the reserve of disk space for the state database is there again")
    }
}

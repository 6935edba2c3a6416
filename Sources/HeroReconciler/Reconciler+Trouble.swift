import HeroKernel
import HeroLife
import HeroModel
import HeroStore

/// The database takes nothing at the moment.
struct StoreTrouble {
    /// Why.
    var error: StoreError
    /// Since when.
    var since: Moment
    /// When it is tried again.
    var nextTry: Moment
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
                guard remakeStore(error) else { throw error }
                batch = rows
                for change in change { batch.append(change) }
                try store.commit(batch.changes)
            }
            if owesNumbers {
                try store.continueNumbers(after: nextJob - 1, run: nextRun - 1)
                owesNumbers = false
            }
        } catch {
            return error as? StoreError ?? StoreError(.other, "\(error)")
        }
        for case .revision(let record, files: _, documents: _) in batch.changes { recorded = record }
        rows.removeAll()
        unstored.removeAll()
        watchReserve()
        return nil
    }

    /// Whether the database takes nothing, so that only what is recorded is kept up.
    public var isDegraded: Bool { trouble != nil }

    /// Whether a plan may be made: what is recorded later can only be the way down.
    var mayPlan: Bool { trouble == nil || revision?.isDown ?? false }

    /// Whether a connection may be what is broken: after an error of the disk, or of the directory, another one may work.
    private var mustReopen: Bool {
        switch trouble?.error.kind {
        case .readOnly, .inaccessible, .other: true
        case .full, .busy, .damaged, .gone, .newer, nil: false
        }
    }

    private func reopen() throws {
        guard configuration.renewState() else { return }
        try store.reopen()
        guard try store.reader.revision() == recorded else {
            throw StoreError(.gone, "cannot write the state database \(store.path): another one has taken its place")
        }
    }

    /// Looks at the whole database when something in it could not be read.
    func distrust(_ error: any Error) {
        guard (error as? StoreError)?.kind == .damaged, store.isDamaged else { return }
        let error = StoreError(.damaged, "\(error)")
        if !remakeStore(error) { enterTrouble(error) }
    }

    /// The database has refused a batch.
    func enterTrouble(_ error: StoreError) {
        let now = kernel.now()
        let isNews = trouble?.error != error
        let since = trouble?.since ?? now
        trouble = StoreTrouble(error: error, since: since, nextTry: now + .seconds(1))
        rows.condense()
        guard isNews else { return }
        store.setBusyTimeout(duringOutage: true)
        log(
            event(
                .error,
                "",
                "cannot store what is intended, so nothing new is started: \(error); what runs is kept running"
            )
        )
        kernel.publishStoreOutage(error.message)
    }

    /// A batch was stored again.
    func leaveTrouble() {
        guard let past = trouble else { return }
        trouble = nil
        store.setBusyTimeout(duringOutage: false)
        kernel.publishStoreOutage(nil)
        let length = Canonical.duration(.milliseconds(max(1, (kernel.now() - past.since).wholeMilliseconds)))
        let dropped = rows.takeDropped()
        let loss = dropped == 0 ? "" : "; \(dropped) events of that time were not kept"
        note(.warning, "", "the state database takes writes again after \(length)\(loss); it had said: \(past.error)")
        // What waits for its deed begins now, and has its time from now on.
        for (id, entry) in jobs where postponed.contains(id) {
            agenda.add(kernel.now() + action(of: entry).startTimeout, id)
        }
        postponed.removeAll()
        mustPlan = true
        mustSync = true
    }

    /// Whether a deed may be done although the rows of its turn are not stored.
    ///
    /// What only keeps up what is recorded, or ends something, may: it can be done twice. A start may when the job is recorded
    /// and the generation stands beside its record.
    func mayDo(_ deed: Deed) -> Bool {
        switch deed {
        case .namePID, .reply, .keepOrigin: return true
        case .pruneLogs, .removeTraces, .answer: return false
        case .job(let entry, let effect):
            switch effect {
            case .removeSocket, .signal, .killTree, .startProbe, .stopProbe, .recordEvent: return true
            case .removeRuntimeFiles: return false
            case .launch(let generation):
                guard generation == entry.life.record.generation, case .launching = entry.life.phase else {
                    return true
                }
                return !unstored.contains(entry.id) && keepOrigin(of: entry)
            }
        }
    }

    // MARK: The reserve

    private func watchReserve() {
        if store.takeReserveReleased() {
            note(
                .error,
                "",
                "the disk of the state database is full: its reserve of 4 MiB was given back; free some space"
            )
        }
        if reserveDue == nil, store.isReserveMissing { reserveDue = kernel.now() + .seconds(60) }
    }

    /// Makes the reserve again once there is room.
    func restoreReserve() {
        guard let due = reserveDue, due <= kernel.now() else { return }
        guard store.restoreReserve() else {
            reserveDue = kernel.now() + .seconds(60)
            return
        }
        reserveDue = nil
        note(.info, "", "the reserve of disk space for the state database is there again")
    }
}

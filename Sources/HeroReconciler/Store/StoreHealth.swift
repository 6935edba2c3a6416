import CHeroFailpoints
import HeroKernel
import HeroModel
import HeroStore

/// An outage of the state database: it takes no writes.
struct StoreOutage: Hashable {
    /// The last error.
    var error: StoreError
    /// When the outage began.
    var since: Moment
    /// When the next write is tried.
    var nextRetry: Moment
}

/// Commits the rows of each turn, and manages outages of the state database (DB-4, I11; decision 27).
///
/// During an outage the services keep running: ends are processed, stops and kills are sent, and a job that the
/// database knows is restarted after its recovery record was written. Everything new waits: revisions are refused, and
/// no run begins. Rows wait in memory. The records of ended jobs stay in the run directory, because files are only
/// removed after their row is stored.
final class StoreHealth {
    typealias Host = HostClock & ControlChannel

    /// How long to wait before a failed commit is tried again.
    private static let retryInterval = Duration.seconds(1)
    /// How long to wait before the reserve of disk space is created again.
    private static let reserveInterval = Duration.seconds(60)

    let store: StateStore
    private let kernel: any Host
    private let state: RuntimeState
    private let journal: TurnJournal
    /// Creates the state directory again when it was lost; false when it cannot.
    private let recreateStateDirectory: () -> Bool

    /// The current outage; nil while the last commit succeeded.
    private(set) var outage: StoreOutage?
    /// The last revision in the database: a database that is found in its place is the same one if it holds this
    /// revision.
    private var storedRevision: RevisionRecord?
    /// Jobs that are not in the database yet.
    private var unstoredJobs: Set<JobID> = []
    /// Those of them whose deadline was reached during the outage.
    private var postponedJobs: Set<JobID> = []
    /// Whether a rebuilt database does not know yet which numbers of jobs and runs were used.
    private var mustContinueNumbers = false
    /// When the reserve of disk space is created again; nil while it exists.
    private(set) var reserveRetryAt: Moment?

    /// Called when an outage has ended, with the jobs whose starts were postponed.
    var onRecovery: (Set<JobID>) -> Void = { _ in }

    init(
        store: StateStore,
        kernel: any Host,
        state: RuntimeState,
        journal: TurnJournal,
        recreateStateDirectory: @escaping () -> Bool
    ) {
        self.store = store
        self.kernel = kernel
        self.state = state
        self.journal = journal
        self.recreateStateDirectory = recreateStateDirectory
    }

    // MARK: Commits

    /// Commits the rows of this turn in one transaction.
    ///
    /// - Returns: false when the store refused them. The rows are kept, and until they are stored `EffectExecutor`
    ///   performs only effects that maintain the recorded state.
    func commitTurn() -> Bool {
        guard !journal.rows.isEmpty else { return true }
        if let outage, kernel.now() < outage.nextRetry { return false }
        if let error = commit() {
            beginOutage(error)
            return false
        }
        hero_failpoint(FP_MF_3)
        endOutage()
        return true
    }

    /// Commits the rows of this turn and one more change.
    ///
    /// - Returns: the error; the rows are kept and the change is dropped then.
    func commitRevision(_ change: StoreChange) -> StoreError? {
        if let error = commit(with: change) { return error }
        endOutage()
        return nil
    }

    private func commit(with change: StoreChange? = nil) -> StoreError? {
        func batch() -> RowBatch {
            var batch = journal.rows
            if let change { batch.append(change) }
            return batch
        }
        var committed = batch()
        do {
            do {
                if mustReopen { try reopen() }
                try store.commit(committed.changes)
            } catch let error as StoreError where error.kind == .damaged || error.kind == .gone {
                guard rebuild(error) else { throw error }
                committed = batch()
                try store.commit(committed.changes)
            }
            if mustContinueNumbers {
                try store.continueNumbers(after: state.nextJob - 1, run: state.nextRun - 1)
                mustContinueNumbers = false
            }
        } catch {
            return error as? StoreError ?? StoreError(.other, "\(error)")
        }
        for case .revision(let record, files: _, documents: _) in committed.changes { storedRevision = record }
        journal.rows.removeAll()
        unstoredJobs.removeAll()
        checkReserve()
        return nil
    }

    /// Whether to open the database again: after an error of the disk or of the directory, a new connection may work.
    private var mustReopen: Bool {
        switch outage?.error.kind {
        case .readOnly, .inaccessible, .other: true
        case .full, .busy, .damaged, .gone, .newer, nil: false
        }
    }

    private func reopen() throws {
        guard recreateStateDirectory() else { return }
        try store.reopen()
        guard try store.reader.revision() == storedRevision else {
            throw StoreError(.gone, "cannot write the state database \(store.path): another database has replaced it")
        }
    }

    // MARK: Outages

    /// Whether a plan may be made: during an outage only a `down` may be carried out.
    var allowsPlan: Bool { outage == nil || state.isDown }

    private func beginOutage(_ error: StoreError) {
        let now = kernel.now()
        let isNew = outage?.error != error
        outage = StoreOutage(error: error, since: outage?.since ?? now, nextRetry: now + Self.retryInterval)
        journal.rows.compact()
        guard isNew else { return }
        store.setBusyTimeout(duringOutage: true)
        journal.logEvent(
            .error,
            "",
            "cannot write the state database, so nothing new is started: \(error); running services keep running"
        )
        kernel.publishStoreOutage(error.message)
    }

    private func endOutage() {
        guard let past = outage else { return }
        outage = nil
        store.setBusyTimeout(duringOutage: false)
        kernel.publishStoreOutage(nil)
        let length = Canonical.duration(.milliseconds(max(1, (kernel.now() - past.since).wholeMilliseconds)))
        let dropped = journal.rows.takeDroppedCount()
        let loss = dropped == 0 ? "" : "; \(dropped) events of that time were dropped"
        journal.recordEvent(
            .warning,
            "",
            "the state database is writable again after \(length)\(loss); the last error was: \(past.error)"
        )
        let postponed = postponedJobs
        postponedJobs.removeAll()
        onRecovery(postponed)
    }

    // MARK: Jobs that are not stored

    /// A job was created; it is unstored until the next commit.
    func addUnstored(_ job: JobID) { unstoredJobs.insert(job) }

    /// Whether the database does not know this job.
    func isUnstored(_ job: JobID) -> Bool { unstoredJobs.contains(job) }

    /// Postpones a job whose deadline is reached while an outage keeps it from being stored.
    ///
    /// - Returns: whether it is postponed.
    func postpone(_ job: JobID) -> Bool {
        guard outage != nil, unstoredJobs.contains(job) else { return false }
        postponedJobs.insert(job)
        return true
    }

    // MARK: Reading

    /// Reads from the database; records an event, and returns nothing, when that fails.
    ///
    /// - Parameters:
    ///   - failure: The text of that event; the error follows.
    ///   - subject: The subject of that event.
    ///   - body: Reads.
    /// - Returns: what `body` returns, or nothing.
    func read<Row>(
        orRecord failure: String,
        _ subject: String,
        _ body: (StateReader) throws -> [Row]
    ) -> [Row] {
        do {
            return try body(store.reader)
        } catch {
            journal.recordEvent(.error, subject, "\(failure): \(error)")
            checkDamage(error)
            return []
        }
    }

    // MARK: Damage and loss

    /// Checks the whole database after a read has failed, and rebuilds it when it is damaged.
    func checkDamage(_ error: any Error) {
        guard (error as? StoreError)?.kind == .damaged, store.isDamaged else { return }
        let error = StoreError(.damaged, "\(error)")
        if !rebuild(error) { beginOutage(error) }
    }

    /// A client has asked for a check of the whole database, because it cannot read it or cannot find it.
    func checkDamage() {
        do { try store.requireOpenFiles() } catch {
            let error = error as? StoreError ?? StoreError(.other, "\(error)")
            if !rebuild(error) { beginOutage(error) }
            return
        }
        checkDamage(StoreError(.damaged, "the state database \(store.path) is damaged"))
    }

    /// A reconciler has loaded the database: this is its last revision.
    func didLoad(_ revision: RevisionRecord?) { storedRevision = revision }

    /// A lost database was rebuilt at the start of this reconciler.
    func didRebuild() { mustContinueNumbers = true }

    /// Rebuilds the database from memory; running services are not affected.
    ///
    /// - Returns: whether there is a database to write to; the rows of everything are written with the next batch.
    private func rebuild(_ error: StoreError) -> Bool {
        guard recreateStateDirectory() else { return false }
        let isSame = error.kind == .gone && isSameDatabase
        if !isSame {
            guard (try? store.recreate(because: error.message, at: kernel.wallTime())) != nil else { return false }
        }
        let kept = journal.rows.changes
        journal.rows.removeAll()
        for change in state.allRows { journal.rows.append(change) }
        for change in kept where change.isHistory { journal.rows.append(change) }
        mustContinueNumbers = true
        guard !isSame else {
            journal.recordEvent(
                .warning,
                "",
                "another file with the same content has replaced the state database: the reconciler continues with it"
            )
            return true
        }
        let fate = store.quarantine?.path.map { "the old file is kept as \($0)" } ?? "the old file is gone"
        journal.recordEvent(
            .warning,
            "",
            "db_rebuilt: \(error.message); rebuilt from memory, \(fate)",
            source: "store"
        )
        journal.recordEvent(
            .warning,
            "",
            "db_rebuilt: earlier jobs, starts, revisions and events are lost",
            source: "store"
        )
        return true
    }

    /// Whether the file in the place of the database is a copy of the same database: then it holds our last revision.
    private var isSameDatabase: Bool {
        guard let storedRevision, (try? store.reopen()) != nil else { return false }
        return (try? store.reader.revision()) == storedRevision
    }

    // MARK: The reserve

    private func checkReserve() {
        if store.takeReserveReleased() {
            journal.recordEvent(
                .error,
                "",
                "the disk of the state database is full: its reserve of 4 MiB was released; free some space"
            )
        }
        if reserveRetryAt == nil, store.isReserveMissing { reserveRetryAt = kernel.now() + Self.reserveInterval }
    }

    /// Creates the reserve of disk space again when that is due and there is room.
    func restoreReserve() {
        guard let due = reserveRetryAt, due <= kernel.now() else { return }
        guard store.restoreReserve() else {
            reserveRetryAt = kernel.now() + Self.reserveInterval
            return
        }
        reserveRetryAt = nil
        journal.recordEvent(.info, "", "the reserve of disk space for the state database exists again")
    }
}

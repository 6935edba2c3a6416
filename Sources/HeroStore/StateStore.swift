internal import GRDB
internal import HeroModel

/// The one connection that writes; used from one thread, the reconciler's, under the lock of the state directory.
public final class StateStore {
    /// Where it is; `:memory:` for one in memory.
    public let path: String
    /// Reads over this connection: sees every committed batch at once.
    public let reader: StateReader
    private let queue: DatabaseQueue
    /// Not used, only kept: see `Connection`.
    private let examiner: DatabaseQueue?
    private let recorder: Recorder

    /// Opens the database in an existing directory, makes it (mode 0600) when there is none, and brings it up to date.
    ///
    /// - Throws: `StoreError`; a database of a newer heroproc is refused and left as it is (reliability.md DB-8).
    public convenience init(path: String) throws {
        let (queue, examiner) = try Connection.writer(path: path)
        self.init(path: path, queue: queue, examiner: examiner)
    }

    /// Makes a store that lives in memory and dies with this object: for the simulation.
    public static func inMemory() throws -> StateStore {
        StateStore(path: ":memory:", queue: try Connection.inMemory())
    }

    init(path: String, queue: DatabaseQueue, examiner: DatabaseQueue? = nil) {
        self.path = path
        self.queue = queue
        self.examiner = examiner
        recorder = Recorder()
        reader = StateReader(path: path, queue: queue)
    }

    /// Closes the database; nothing can be done with it any more.
    ///
    /// What it consists of stays until the process ends: to let a queue go libdispatch wants a thread, and where no pid is left it
    /// waits for one, so that a reconciler could not leave (reliability.md RX-2).
    public func close() {
        try? queue.close()
        _ = Unmanaged.passRetained(self)
    }

    /// Writes a batch in one transaction: all of it is on the disk when this returns, or none of it ever is.
    ///
    /// The order of the changes is the order of writing; a later one of the same subject wins.
    /// - Throws: `StoreError`; nothing of the batch was written then, and it may be tried again.
    public func commit(_ changes: [StoreChange]) throws {
        if changes.isEmpty { return }
        do {
            try StoreError.wrapping("write", path) {
                try queue.inDatabase { db in
                    // Only a failed rollback leaves one open.
                    if db.isInsideTransaction { try db.rollback() }
                    try db.inTransaction(.immediate) {
                        for change in changes { try recorder.record(change, in: db) }
                        return .commit
                    }
                }
            }
            recorder.didCommit()
        } catch {
            recorder.didRollBack()
            throw error
        }
    }

    /// Reads everything a reconciler needs to know when it begins, as of one moment.
    ///
    /// - Throws: `StoreError`.
    public func load() throws -> StoredState {
        try reader.read { db, stored in
            var state = StoredState()
            state.revision = try Queries.revisions(db, stored, limit: 1).first
            if let revision = state.revision {
                state.files = try Queries.files(db, stored, of: revision.number)
            }
            state.services = try Queries.services(db, stored)
            state.standalone = try Queries.standalone(db, stored)
            state.jobs = try Queries.currentJobs(db, stored)
            state.runs = try Queries.currentRuns(db, stored)
            state.servicesWithHistory = try Queries.servicesWithHistory(db)
            state.lastJob = try Queries.lastNumber(db, table: "jobs")
            state.lastRun = try Queries.lastNumber(db, table: "runs")
            return state
        }
    }
}

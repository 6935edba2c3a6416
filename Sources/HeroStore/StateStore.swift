internal import CHeroFailpoints
internal import GRDB
internal import HeroModel

/// The one connection that writes; used from one thread, the reconciler's, under the lock of the state directory.
public final class StateStore {
    /// Where it is; `:memory:` for one in memory.
    public let path: String
    /// Reads over this connection: sees every committed batch at once.
    public let reader: StateReader
    /// What was there before, when that could not be used and this one was made in its place.
    public internal(set) var quarantine: Quarantine?

    var queue: DatabaseQueue
    /// Not used, only kept: see `Connection`.
    var closedConnections: [DatabaseQueue]
    var recorder = Recorder()
    /// The file that is open, and its log; nil where there is none to look at.
    var openFiles: (database: FileIdentity?, log: FileIdentity?) = (nil, nil)
    /// Room that is given back when the disk is full; nil where none was asked for.
    var reserve: ReserveFile?
    var wasReserveReleased = false
    /// What a commit throws instead of writing: misfortune, for the simulation and for tests.
    public var injectedError: StoreError?

    /// Opens the database in an existing directory, makes it (mode 0600) when there is none, and brings it up to date.
    ///
    /// - Throws: `StoreError`; a database of a newer heroproc is refused and left as it is (reliability.md DB-8), and so is
    ///   one that is damaged: see `open(path:at:)`.
    public convenience init(path: String) throws {
        let (queue, examiner) = try Connection.openWriter(path: path)
        self.init(path: path, queue: queue, examiner: examiner)
    }

    /// Makes a store that lives in memory and dies with this object: for the simulation.
    public static func inMemory() throws -> StateStore {
        StateStore(path: ":memory:", queue: try Connection.openInMemory())
    }

    init(path: String, queue: DatabaseQueue, examiner: DatabaseQueue? = nil) {
        self.path = path
        self.queue = queue
        closedConnections = examiner.map { [$0] } ?? []
        reader = StateReader(path: path, queue: queue)
        if path != ":memory:" { openFiles = (FileIdentity(path), FileIdentity(path + "-wal")) }
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
    /// The order of the changes is the order of writing; a later one of the same subject wins. When the disk is full, the
    /// reserve is given back and the batch is tried once more.
    /// - Throws: `StoreError`; nothing of the batch was written then, and it may be tried again.
    public func commit(_ changes: [StoreChange]) throws {
        if changes.isEmpty { return }
        if let injectedError { throw injectedError }
        try requireOpenFiles()
        do {
            try write(changes)
        } catch let error as StoreError where error.kind == .full && releaseReserve() {
            try write(changes)
        }
        if openFiles.log == nil, openFiles.database != nil { openFiles.log = FileIdentity(path + "-wal") }
        guard openFiles.database != nil else { return }
        for change in changes {
            if case .revision(let revision, files: let files, documents: _) = change {
                AppliedRevisionFile(revision: revision, files: files).write(path)
            }
        }
    }

    private func write(_ changes: [StoreChange]) throws {
        do {
            try StoreError.wrapping("write", path) {
                try queue.inDatabase { db in
                    // Only a failed rollback leaves one open.
                    if db.isInsideTransaction { try db.rollback() }
                    try db.inTransaction(.immediate) {
                        for change in changes { try recorder.record(change, in: db) }
                        hero_failpoint(FP_ST_2)
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

    /// What is written to a file that has lost its name is lost with it: then it is not written at all.
    private func requireOpenFiles() throws {
        guard let database = openFiles.database else { return }
        let isLogGone = openFiles.log.map { FileIdentity(path + "-wal") != $0 } ?? false
        guard FileIdentity(path) != database || isLogGone else { return }
        let what = FileIdentity(path) == database ? "\(path)-wal" : path
        throw StoreError(.gone, "cannot write the state database \(path): \(what) was removed or replaced")
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

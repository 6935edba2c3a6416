internal import CHeroFailpoints
internal import GRDB
internal import HeroModel

/// The connection that writes.
///
/// Only the thread of the reconciler uses it, under the lock of the state directory.
public final class StateStore {
    /// The path of the database; `:memory:` for a database in memory.
    public let path: String
    /// Reads through the same connection, so it sees every committed batch at once.
    public let reader: StateReader
    /// The previous database, if it was unusable and this one replaced it.
    public internal(set) var quarantine: Quarantine?

    /// Whether there was another database, which is lost.
    public internal(set) var wasLost = false

    var queue: DatabaseQueue
    /// Closed connections that are retained but not used; see `Connection`.
    var closedConnections: [DatabaseQueue]
    var recorder = Recorder()
    /// The open database file and its write-ahead log; nil for a database in memory.
    var openFiles: (database: FileIdentity?, log: FileIdentity?) = (nil, nil)
    /// The disk space reserve; nil for stores without one.
    var reserve: ReserveFile?
    var wasReserveReleased = false
    /// The history of actions with `once`, as it was last written to its file; nil if the file may differ.
    var onceHistory: OnceHistory?
    /// An error that every commit throws instead of writing: for the simulation and for tests.
    public var injectedError: StoreError?

    /// Opens the database in an existing directory, creates it (mode 0600) if it is missing, and migrates it.
    ///
    /// - Throws: `StoreError`. A database of a newer heroproc is refused and not changed (guarantee DB-8). A damaged one
    ///   is refused too; see `open(path:at:)`.
    public convenience init(path: String) throws {
        let (queue, inspector) = try Connection.openWriter(path: path)
        self.init(path: path, queue: queue, inspector: inspector)
    }

    /// Creates a store in memory, for the simulation.
    public static func inMemory() throws -> StateStore {
        StateStore(path: ":memory:", queue: try Connection.openInMemory())
    }

    init(path: String, queue: DatabaseQueue, inspector: DatabaseQueue? = nil) {
        self.path = path
        self.queue = queue
        closedConnections = inspector.map { [$0] } ?? []
        reader = StateReader(path: path, queue: queue)
        if path != ":memory:" { openFiles = (FileIdentity(path), FileIdentity(path + "-wal")) }
    }

    /// Closes the database; it cannot be used afterwards.
    ///
    /// The object itself is never deallocated. To dispose of a queue, libdispatch needs a thread, and when no PID is
    /// left it waits for one, so the reconciler could not exit (guarantee RX-2).
    public func close() {
        try? queue.close()
        _ = Unmanaged.passRetained(self)
    }

    /// Writes a batch in one transaction: it is completely on the disk when this returns, or not at all.
    ///
    /// The changes are written in their order, so a later change of the same record wins. When the disk is full, the
    /// reserve is released and the batch is tried once more.
    /// - Throws: `StoreError`; nothing of the batch was written, and it may be tried again.
    public func commit(_ changes: [StoreChange]) throws {
        if changes.isEmpty { return }
        if let injectedError { throw injectedError }
        try requireOpenFiles()
        writeOnceFile(changes)
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
                    // Only a failed rollback leaves a transaction open.
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

    /// Throws unless the database and its log are still at their paths: data in a removed file would be lost.
    ///
    /// - Throws: `StoreError` with the kind `gone`.
    public func requireOpenFiles() throws {
        guard let database = openFiles.database else { return }
        let isLogGone = openFiles.log.map { FileIdentity(path + "-wal") != $0 } ?? false
        guard FileIdentity(path) != database || isLogGone else { return }
        let missing = FileIdentity(path) == database ? "\(path)-wal" : path
        throw StoreError(.gone, "cannot write the state database \(path): \(missing) was removed or replaced")
    }

    /// Reads the state that a reconciler needs at its start, as of one moment.
    ///
    /// - Throws: `StoreError`.
    public func load() throws -> StoredState {
        try reader.read { db, codec in
            var state = StoredState()
            state.revision = try Queries.revisions(db, codec, limit: 1).first
            if let revision = state.revision {
                state.files = try Queries.files(db, codec, of: revision.number)
            }
            state.services = try Queries.services(db, codec)
            state.standalone = try Queries.standalone(db, codec)
            state.once = try Queries.onceHistory(db, codec)
            state.jobs = try Queries.currentJobs(db, codec)
            state.runs = try Queries.currentRuns(db, codec)
            state.servicesWithHistory = try Queries.servicesWithHistory(db)
            state.lastJob = try Queries.lastNumber(db, table: "jobs")
            state.lastRun = try Queries.lastNumber(db, table: "runs")
            return state
        }
    }
}

internal import Foundation
internal import GRDB
public import HeroModel

extension StateStore {
    /// Opens the database for the reconciler and replaces an unusable database.
    ///
    /// A damaged or foreign database is moved away and a new one is created (`quarantine` reports that). Running jobs
    /// are then recovered from the run directory. A disk space reserve is created next to the database.
    ///
    /// - Throws: `StoreError` for a problem that a new database does not solve: a newer format, no permission, no
    ///   directory.
    public static func open(path: String, at time: WallTime) throws -> StateStore {
        var quarantine: Quarantine?
        if try Quarantine.hasOrphanedWAL(path) {
            quarantine = try Quarantine.move(
                path,
                because: "the database file is missing and only its write-ahead log exists",
                at: time
            )
        }
        let reserve = ReserveFile(forDatabase: path)
        let isLost = try Connection.fileSize(path: path) ?? 0 == 0 && hasTraces(nextTo: path)
        let store: StateStore
        do {
            store = try StateStore(path: path)
        } catch let error as StoreError where error.kind == .damaged {
            quarantine = try Quarantine.move(path, because: error.message, at: time)
            store = try StateStore(path: path)
        } catch let error as StoreError where error.kind == .full && reserve.release() {
            store = try StateStore(path: path)
        }
        store.quarantine = quarantine
        store.reserve = reserve
        store.wasLost = isLost || quarantine != nil
        store.setCheckpointInterval(isDiskFull: !reserve.create())
        return store
    }

    /// Whether a database existed and is missing now: its reserve file still exists, or its directory is missing.
    public static func isLost(path: String) -> Bool {
        guard access(path, F_OK) != 0 else { return false }
        return ReserveFile(forDatabase: path).exists || access(path.parentDirectory, F_OK) != 0
    }

    /// Whether something next to the place of a database shows that there was one: the copy of a revision, the disk space
    /// reserve, a database that was moved away, or a log.
    public static func hasTraces(nextTo path: String) -> Bool {
        if ReserveFile(forDatabase: path).exists || AppliedRevisionFile.exists(nextTo: path) { return true }
        guard Quarantine.keptDatabases(path).isEmpty else { return true }
        let logs = try? FileManager.default.contentsOfDirectory(atPath: path.parentDirectory + "/logs")
        return !(logs ?? []).isEmpty
    }

    /// Moves the database away, creates a new one in its place and switches to it.
    ///
    /// - Throws: `StoreError`; nothing can be written until this succeeds.
    public func recreate(because reason: String, at time: WallTime) throws {
        if let injectedError, injectedError.kind != .damaged, injectedError.kind != .gone { throw injectedError }
        injectedError = nil
        guard path != ":memory:" else {
            switchConnection(to: try Connection.openInMemory())
            quarantine = Quarantine(reason: reason)
            return
        }
        // An open statement would prevent the close; the file is moved anyway.
        try? queue.close()
        let quarantine = try Quarantine.move(path, because: reason, at: time)
        let (queue, inspector) = try Connection.openWriter(path: path)
        switchConnection(to: queue, inspector)
        self.quarantine = quarantine
    }

    /// Opens the same database again, because its file system may have been replaced or may work again.
    ///
    /// - Throws: `StoreError`; nothing has changed then.
    public func reopen() throws {
        guard openFiles.database != nil else { return }
        guard try Connection.fileSize(path: path) ?? 0 > 0 else {
            throw StoreError(.gone, "cannot open the state database \(path): the file does not exist")
        }
        let (queue, inspector) = try Connection.openWriter(path: path)
        try? self.queue.close()
        switchConnection(to: queue, inspector)
    }

    /// Switches to another connection and discards all cached knowledge of rows.
    private func switchConnection(to queue: DatabaseQueue, _ inspector: DatabaseQueue? = nil) {
        keepClosedConnection(self.queue)
        if let inspector { keepClosedConnection(inspector) }
        self.queue = queue
        reader.queue = queue
        recorder = Recorder()
        if path != ":memory:" { openFiles = (FileIdentity(path), FileIdentity(path + "-wal")) }
    }

    /// Ensures that no number of a job or run is assigned again.
    ///
    /// - Throws: `StoreError`.
    public func continueNumbers(after job: JobID, run: RunID) throws {
        try StoreError.wrapping("write", path) {
            try queue.inDatabase { db in
                try db.inTransaction(.immediate) {
                    for (table, number) in [("jobs", job), ("runs", run)] where number > 0 {
                        let lastNumber = try Queries.lastNumber(db, table: table)
                        try db.execute(sql: "DELETE FROM sqlite_sequence WHERE name = ?", arguments: [table])
                        try db.execute(
                            sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
                            arguments: [table, max(lastNumber, number)]
                        )
                    }
                    return .commit
                }
            }
        }
    }

    /// The file with the last applied revision; nil when it is missing or not valid.
    public var appliedRevisionFile: AppliedRevisionFile? {
        openFiles.database == nil ? nil : AppliedRevisionFile.read(path)
    }

    /// Writes that file if it is missing or has another revision: an older program may have applied one without it.
    public func refreshAppliedRevisionFile(_ revision: RevisionRecord, _ files: [ManifestFile]) {
        guard openFiles.database != nil else { return }
        let file = AppliedRevisionFile(revision: revision, files: files)
        if appliedRevisionFile != file { file.write(path) }
    }

    /// The history of actions with `once` in the file next to the database; nil when it is missing or not valid.
    public var onceFile: OnceHistory? { openFiles.database == nil ? nil : OnceFile.read(nextTo: path) }

    /// Writes that file if it is missing or different.
    public func refreshOnceFile(_ history: OnceHistory) {
        onceHistory = history
        guard openFiles.database != nil, onceFile != history else { return }
        OnceFile.write(history, nextTo: path)
    }

    /// Writes the changes of the history of actions with `once` to its file, before they are committed.
    func writeOnceFile(_ changes: [StoreChange]) {
        guard var next = onceHistory, openFiles.database != nil else { return }
        var isChanged = false
        for change in changes {
            switch change {
            case .once(let record):
                next.insert(record)
                isChanged = true
            case .onceHistoryLost(let isLost):
                next.isLost = isLost
                isChanged = true
            case .revision, .service, .serviceState, .serviceRemoved, .standalone, .standaloneRemoved, .run, .job,
                .jobsRemoved, .actionsRemoved, .runsRemoved, .start, .event:
                break
            }
        }
        guard isChanged, next != onceHistory || access(OnceFile.path(of: path), F_OK) != 0 else { return }
        OnceFile.write(next, nextTo: path)
        onceHistory = next
    }

    /// Whether the database is damaged; a database that cannot be read does not count as damaged.
    ///
    /// A separate connection checks this, because the cache of the main one may hold pages that are no longer on the
    /// disk.
    public var isDamaged: Bool {
        guard openFiles.database != nil else { return injectedError?.kind == .damaged }
        do {
            try StoreError.wrapping("read", path) {
                let inspector = try Connection.openReadOnly(path: path)
                keepClosedConnection(inspector)
                defer { try? inspector.close() }
                try Connection.checkFormat(inspector, path: path)
                try Connection.checkPages(inspector, path: path)
            }
            return false
        } catch {
            return (error as? StoreError)?.kind == .damaged
        }
    }

    /// Sets how long a commit waits for the lock of another program: 5 s, or 100 ms during an outage.
    public func setBusyTimeout(duringOutage: Bool) {
        let milliseconds = duringOutage ? 100 : Int(Connection.busyTimeout * 1000)
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA busy_timeout = \(milliseconds)") }
    }

    /// Retains a closed connection, as `Connection` describes, but at most eight of them.
    private func keepClosedConnection(_ queue: DatabaseQueue) {
        closedConnections = closedConnections.suffix(7) + [queue]
    }

    // MARK: The reserve

    /// Whether the disk was full and the reserve was released since the last call.
    public func takeReserveReleased() -> Bool {
        defer { wasReserveReleased = false }
        return wasReserveReleased
    }

    /// Whether the reserve was released and does not exist again yet.
    public var isReserveMissing: Bool { reserve.map { !$0.exists } ?? false }

    /// Creates the reserve again, if there is enough free space.
    ///
    /// - Returns: Whether it exists now.
    public func restoreReserve() -> Bool {
        guard let reserve else { return true }
        guard reserve.create() else { return false }
        setCheckpointInterval(isDiskFull: false)
        return true
    }

    func releaseReserve() -> Bool {
        guard reserve?.release() ?? false else { return false }
        wasReserveReleased = true
        setCheckpointInterval(isDiskFull: true)
        return true
    }

    /// Sets how large the write-ahead log may grow before a checkpoint: smaller while the disk is full.
    private func setCheckpointInterval(isDiskFull: Bool) {
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = \(isDiskFull ? 100 : 1000)") }
    }
}

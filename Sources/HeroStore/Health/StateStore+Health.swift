internal import Foundation
internal import GRDB
public import HeroModel

extension StateStore {
    /// Opens the database for the reconciler, which goes on whatever it finds.
    ///
    /// One that is damaged, or not ours, is moved away and a new one is made (`quarantine` says so); what runs is taken
    /// up from the run directory. A reserve of disk space is made beside it.
    ///
    /// - Throws: `StoreError`, when there is nothing to be done about it here: a newer format, no right, no directory.
    public static func open(path: String, at time: WallTime) throws -> StateStore {
        var quarantine: Quarantine?
        if try Quarantine.hasOrphanedWAL(path) {
            quarantine = try Quarantine.move(path, because: "its database is gone, and only its log is left", at: time)
        }
        let reserve = ReserveFile(beside: path)
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
        store.setCheckpointInterval(isOutOfRoom: !reserve.create())
        return store
    }

    /// Whether there was a database and is none any more, which is not the same as none yet: its reserve is still there, or its
    /// whole directory is gone.
    public static func isLost(path: String) -> Bool {
        guard access(path, F_OK) != 0 else { return false }
        return ReserveFile(beside: path).exists || access(path.parentDirectory, F_OK) != 0
    }

    /// Moves the database away and makes a new one in its place; this object goes on with that.
    ///
    /// - Throws: `StoreError`; then nothing can be written until it succeeds.
    public func recreate(because reason: String, at time: WallTime) throws {
        if let injectedError, injectedError.kind != .damaged, injectedError.kind != .gone { throw injectedError }
        injectedError = nil
        guard path != ":memory:" else {
            switchConnection(to: try Connection.openInMemory())
            quarantine = Quarantine(reason: reason)
            return
        }
        // A statement that is still open would keep it from closing; its file is moved all the same.
        try? queue.close()
        let quarantine = try Quarantine.move(path, because: reason, at: time)
        let (queue, examiner) = try Connection.openWriter(path: path)
        switchConnection(to: queue, examiner)
        self.quarantine = quarantine
    }

    /// Opens the same database once more: the file system below it may be another one by now, or work again.
    ///
    /// - Throws: `StoreError`; then all is as it was.
    public func reopen() throws {
        guard openFiles.database != nil else { return }
        guard try Connection.fileSize(path: path) ?? 0 > 0 else {
            throw StoreError(.gone, "cannot open the state database \(path): it is not there")
        }
        let (queue, examiner) = try Connection.openWriter(path: path)
        try? self.queue.close()
        switchConnection(to: queue, examiner)
    }

    /// Takes another connection in the place of the one that was used so far, and knows nothing of what that one wrote.
    private func switchConnection(to queue: DatabaseQueue, _ examiner: DatabaseQueue? = nil) {
        keepClosedConnection(self.queue)
        if let examiner { keepClosedConnection(examiner) }
        self.queue = queue
        reader.queue = queue
        recorder = Recorder()
        if path != ":memory:" { openFiles = (FileIdentity(path), FileIdentity(path + "-wal")) }
    }

    /// Sees to it that no number of a job or a run is given again that was given before.
    ///
    /// - Throws: `StoreError`.
    public func continueNumbers(after job: JobID, run: RunID) throws {
        try StoreError.wrapping("write", path) {
            try queue.inDatabase { db in
                try db.inTransaction(.immediate) {
                    for (table, number) in [("jobs", job), ("runs", run)] where number > 0 {
                        let known = try Queries.lastNumber(db, table: table)
                        try db.execute(sql: "DELETE FROM sqlite_sequence WHERE name = ?", arguments: [table])
                        try db.execute(
                            sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
                            arguments: [table, max(known, number)]
                        )
                    }
                    return .commit
                }
            }
        }
    }

    /// The last applied revision as it stands beside the database; nil when there is none, or not a whole one.
    public var appliedRevisionFile: AppliedRevisionFile? {
        openFiles.database == nil ? nil : AppliedRevisionFile.read(path)
    }

    /// Writes that copy where it is missing or of another revision: a program that did not know it may have been here.
    public func refreshAppliedRevisionFile(_ revision: RevisionRecord, _ files: [ManifestFile]) {
        guard openFiles.database != nil else { return }
        let copy = AppliedRevisionFile(revision: revision, files: files)
        if appliedRevisionFile != copy { copy.write(path) }
    }

    /// Whether a page of it is not as SQLite wrote it; one that cannot be read is not found damaged.
    ///
    /// A connection of its own looks: ours may still know pages that are no longer on the disk.
    public var isDamaged: Bool {
        guard openFiles.database != nil else { return injectedError?.kind == .damaged }
        do {
            try StoreError.wrapping("read", path) {
                let examiner = try Connection.openReadOnly(path: path)
                keepClosedConnection(examiner)
                defer { try? examiner.close() }
                try Connection.checkFormat(examiner, path: path)
                try Connection.checkPages(examiner, path: path)
            }
            return false
        } catch {
            return (error as? StoreError)?.kind == .damaged
        }
    }

    /// How long somebody else's lock is waited for: while there is trouble anyway, nobody is kept waiting for it.
    public func setBusyTimeout(duringOutage: Bool) {
        let milliseconds = duringOutage ? 100 : Int(Connection.busyTimeout * 1000)
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA busy_timeout = \(milliseconds)") }
    }

    /// Keeps a closed connection, as `Connection` asks; after many, being idle is not what matters.
    private func keepClosedConnection(_ queue: DatabaseQueue) {
        closedConnections = closedConnections.suffix(7) + [queue]
    }

    // MARK: The reserve

    /// Whether the disk was full, so that the reserve was given back, since this was asked last.
    public func takeReserveReleased() -> Bool {
        defer { wasReserveReleased = false }
        return wasReserveReleased
    }

    /// Whether the disk was full and the reserve is not back yet.
    public var isReserveMissing: Bool { reserve.map { !$0.exists } ?? false }

    /// Makes the reserve again, if there is plenty of room.
    ///
    /// - Returns: whether it is there now.
    public func restoreReserve() -> Bool {
        guard let reserve else { return true }
        guard reserve.create() else { return false }
        setCheckpointInterval(isOutOfRoom: false)
        return true
    }

    func releaseReserve() -> Bool {
        guard reserve?.release() ?? false else { return false }
        wasReserveReleased = true
        setCheckpointInterval(isOutOfRoom: true)
        return true
    }

    /// How long the log may grow before it is moved into the database: the less room, the less it may take.
    private func setCheckpointInterval(isOutOfRoom: Bool) {
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = \(isOutOfRoom ? 100 : 1000)") }
    }
}

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
        if try Quarantine.hasOrphanedLog(path) {
            quarantine = try Quarantine.move(path, because: "its database is gone, and only its log is left", at: time)
        }
        let reserve = Reserve(beside: path)
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
        store.setPatience(isOutOfRoom: !reserve.make())
        return store
    }

    /// Whether there was a database and is none any more, which is not the same as none yet: its reserve is still there, or its
    /// whole directory is gone.
    public static func isLost(path: String) -> Bool {
        guard access(path, F_OK) != 0 else { return false }
        return Reserve(beside: path).isThere || access(path.folder, F_OK) != 0
    }

    /// Moves the database away and makes a new one in its place; this object goes on with that.
    ///
    /// - Throws: `StoreError`; then nothing can be written until it succeeds.
    public func startOver(because reason: String, at time: WallTime) throws {
        if let misfortune, misfortune.kind != .damaged, misfortune.kind != .gone { throw misfortune }
        misfortune = nil
        guard path != ":memory:" else {
            goOn(with: try Connection.inMemory())
            quarantine = Quarantine(reason: reason)
            return
        }
        // A statement that is still open would keep it from closing; its file is moved all the same.
        try? queue.close()
        let quarantine = try Quarantine.move(path, because: reason, at: time)
        let (queue, examiner) = try Connection.writer(path: path)
        goOn(with: queue, examiner)
        self.quarantine = quarantine
    }

    /// Opens the same database once more: the file system below it may be another one by now, or work again.
    ///
    /// - Throws: `StoreError`; then all is as it was.
    public func reopen() throws {
        guard opened.database != nil else { return }
        guard try Connection.size(path: path) ?? 0 > 0 else {
            throw StoreError(.gone, "cannot open the state database \(path): it is not there")
        }
        let (queue, examiner) = try Connection.writer(path: path)
        try? self.queue.close()
        goOn(with: queue, examiner)
    }

    /// Takes another connection in the place of the one that was used so far, and knows nothing of what that one wrote.
    private func goOn(with queue: DatabaseQueue, _ examiner: DatabaseQueue? = nil) {
        retire(self.queue)
        if let examiner { retire(examiner) }
        self.queue = queue
        reader.queue = queue
        recorder = Recorder()
        if path != ":memory:" { opened = (FileIdentity(path), FileIdentity(path + "-wal")) }
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
    public var appliedCopy: AppliedCopy? { opened.database == nil ? nil : AppliedCopy.read(path) }

    /// Writes that copy where it is missing or of another revision: a program that did not know it may have been here.
    public func refreshCopy(_ revision: RevisionRecord, _ files: [ManifestFile]) {
        guard opened.database != nil else { return }
        let copy = AppliedCopy(revision: revision, files: files)
        if appliedCopy != copy { copy.write(path) }
    }

    /// Whether a page of it is not as SQLite wrote it; one that cannot be read is not found damaged.
    ///
    /// A connection of its own looks: ours may still know pages that are no longer on the disk.
    public var isDamaged: Bool {
        guard opened.database != nil else { return misfortune?.kind == .damaged }
        do {
            try StoreError.wrapping("read", path) {
                let examiner = try Connection.openReadOnly(path: path)
                retire(examiner)
                defer { try? examiner.close() }
                try Connection.check(examiner, path: path)
                try Connection.verify(examiner, path: path)
            }
            return false
        } catch {
            return (error as? StoreError)?.kind == .damaged
        }
    }

    /// How long somebody else's lock is waited for: while there is trouble anyway, nobody is kept waiting for it.
    public func setPatience(isInTrouble: Bool) {
        let milliseconds = isInTrouble ? 100 : Int(Connection.busyTimeout * 1000)
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA busy_timeout = \(milliseconds)") }
    }

    /// Keeps a closed connection, as `Connection` asks; after many, being idle is not what matters.
    private func retire(_ queue: DatabaseQueue) {
        retired = retired.suffix(7) + [queue]
    }

    // MARK: The reserve

    /// Whether the disk was full, so that the reserve was given back, since this was asked last.
    public func hasGivenReserve() -> Bool {
        defer { isReserveGiven = false }
        return isReserveGiven
    }

    /// Whether the disk was full and the reserve is not back yet.
    public var lacksReserve: Bool { reserve.map { !$0.isThere } ?? false }

    /// Makes the reserve again, if there is plenty of room.
    ///
    /// - Returns: whether it is there now.
    public func restoreReserve() -> Bool {
        guard let reserve else { return true }
        guard reserve.make() else { return false }
        setPatience(isOutOfRoom: false)
        return true
    }

    func giveReserveBack() -> Bool {
        guard reserve?.release() ?? false else { return false }
        isReserveGiven = true
        setPatience(isOutOfRoom: true)
        return true
    }

    /// How long the log may grow before it is moved into the database: the less room, the less it may take.
    private func setPatience(isOutOfRoom: Bool) {
        try? queue.inDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = \(isOutOfRoom ? 100 : 1000)") }
    }
}

internal import GRDB
public import HeroModel

/// Reads the database and never changes it, while a reconciler writes or without one.
///
/// A program that must stay idle should keep its reader, because deallocating one wakes the global pool of libdispatch.
public final class StateReader {
    private let path: String
    /// The connection; replaced when the database is recreated.
    var queue: DatabaseQueue
    private let codec = ColumnCodec()

    /// Opens a database for reading.
    ///
    /// - Returns: nil when there is no database yet.
    /// - Throws: `StoreError`.
    public convenience init?(path: String) throws {
        guard let queue = try Connection.openReader(path: path) else { return nil }
        self.init(path: path, queue: queue)
    }

    init(path: String, queue: DatabaseQueue) {
        self.path = path
        self.queue = queue
    }

    /// Reads in one transaction and throws store errors only.
    func read<Result>(_ body: (Database, ColumnCodec) throws -> Result) throws -> Result {
        try StoreError.wrapping("read", path) {
            do {
                return try queue.inDatabase { db in
                    var result: Result?
                    try db.inTransaction(.deferred) {
                        result = try body(db, codec)
                        return .commit
                    }
                    guard let result else { throw UnreadableColumn(content: "no result") }
                    return result
                }
            } catch let error as UnreadableColumn {
                let message =
                    "cannot read the state database \(path): it contains \(error.content); \(StoreError.rebuildAdvice)"
                throw StoreError(.damaged, message)
            }
        }
    }

    /// The last applied revision; nil before the first apply.
    ///
    /// - Throws: `StoreError`.
    public func revision() throws -> RevisionRecord? {
        try revisions(limit: 1).first
    }

    /// The last revisions, newest first.
    ///
    /// - Throws: `StoreError`.
    public func revisions(limit: Int = 20) throws -> [RevisionRecord] {
        try read { try Queries.revisions($0, $1, limit: limit) }
    }

    /// The git commits of the last revision, and of all revisions that a service or an active job was started with.
    ///
    /// - Throws: `StoreError`.
    public func commitsInUse() throws -> Set<String> {
        try read { db, _ in try Queries.commitsInUse(db) }
    }

    /// One revision; nil when it is not recorded.
    ///
    /// - Throws: `StoreError`.
    public func revision(number: RevisionNumber) throws -> RevisionRecord? {
        try read { try Queries.revision($0, $1, number: number) }
    }

    /// The manifest files of a revision, in their original order; empty when it is not recorded.
    ///
    /// - Throws: `StoreError`.
    public func files(of revision: RevisionNumber) throws -> [ManifestFile] {
        try read { try Queries.files($0, $1, of: revision) }
    }

    /// The documents of a revision, in their original order.
    ///
    /// - Throws: `StoreError`.
    public func documents(of revision: RevisionNumber) throws -> [StoredDocument] {
        try read { try Queries.documents($0, $1, of: revision) }
    }

    /// All recorded services without their full specs, by name.
    ///
    /// - Throws: `StoreError`.
    public func serviceSummaries() throws -> [ServiceSummary] {
        try read { try Queries.serviceSummaries($0, $1) }
    }

    /// All recorded services with their full specs, by name.
    ///
    /// - Throws: `StoreError`.
    public func serviceRecords() throws -> [ServiceRecord] {
        try read { try Queries.services($0, $1) }
    }

    /// All recorded standalone actions without their full specs, by name.
    ///
    /// Empty for a database of an older program without standalone actions.
    ///
    /// - Throws: `StoreError`.
    public func standaloneSummaries() throws -> [StandaloneSummary] {
        try read { try Queries.standaloneSummaries($0, $1) }
    }

    /// The history of actions with `once`; empty for a database of an older program.
    ///
    /// - Throws: `StoreError`.
    public func onceHistory() throws -> OnceHistory {
        try read { try Queries.onceHistory($0, $1) }
    }

    /// The recorded runs of a service, newest first.
    ///
    /// - Throws: `StoreError`.
    public func runs(of service: QualifiedName) throws -> [RunRecord] {
        try read { db, codec in try Queries.fetchAll(db, Queries.runs(of: service)) { try RunRecord($0, codec) } }
    }

    /// The jobs that match, newest first.
    ///
    /// - Throws: `StoreError`.
    public func jobs(_ filter: JobFilter = JobFilter()) throws -> [JobRecord] {
        try read { try Queries.jobs($0, $1, filter) }
    }

    /// One job; nil when it is not recorded.
    ///
    /// - Throws: `StoreError`.
    public func job(_ id: JobID) throws -> JobRecord? {
        try read { try Queries.job($0, $1, id) }
    }

    /// The jobs of the current runs of services, the newest jobs of standalone actions and all other active jobs, by
    /// number.
    ///
    /// - Throws: `StoreError`.
    public func currentJobs() throws -> [JobRecord] {
        try read { try Queries.currentJobs($0, $1) }
    }

    /// The recorded starts of a job, newest first.
    ///
    /// - Throws: `StoreError`.
    public func starts(of job: JobID) throws -> [StartRecord] {
        try read { try Queries.starts($0, $1, of: job) }
    }

    /// The events that match, oldest first.
    ///
    /// - Throws: `StoreError`.
    public func events(_ filter: EventFilter = EventFilter()) throws -> [EventRecord] {
        try numberedEvents(filter).map(\.event)
    }

    /// The events that match, oldest first, with their numbers.
    ///
    /// - Throws: `StoreError`.
    public func numberedEvents(_ filter: EventFilter = EventFilter()) throws -> [NumberedEvent] {
        try read { try Queries.events($0, $1, filter) }
    }
}

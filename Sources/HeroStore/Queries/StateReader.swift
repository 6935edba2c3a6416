internal import GRDB
public import HeroModel

/// Reads the database and never changes it: works beside a reconciler that writes, and without one.
///
/// In a program that idles, keep it rather than making new ones: letting one go wakes libdispatch's global pool.
public final class StateReader {
    private let path: String
    /// Another one takes its place when a database is made anew.
    var queue: DatabaseQueue
    private let codec = ColumnCodec()

    /// Opens a database for the command line.
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

    /// Reads as of one moment, and lets nothing but store errors out.
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
                    "cannot read the state database \(path): it holds \(error.content); \(StoreError.rebuildAdvice)"
                throw StoreError(.damaged, message)
            }
        }
    }

    /// The last applied revision; nil when nothing was ever applied.
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

    /// One revision; nil when it is not recorded, or not any more.
    ///
    /// - Throws: `StoreError`.
    public func revision(number: RevisionNumber) throws -> RevisionRecord? {
        try read { try Queries.revision($0, $1, number: number) }
    }

    /// The files of a revision, in the order they were given; none when it is not known.
    ///
    /// - Throws: `StoreError`.
    public func files(of revision: RevisionNumber) throws -> [ManifestFile] {
        try read { try Queries.files($0, $1, of: revision) }
    }

    /// The documents of a revision, in the order they were given.
    ///
    /// - Throws: `StoreError`.
    public func documents(of revision: RevisionNumber) throws -> [StoredDocument] {
        try read { try Queries.documents($0, $1, of: revision) }
    }

    /// Every recorded service without its full spec, by name.
    ///
    /// - Throws: `StoreError`.
    public func serviceSummaries() throws -> [ServiceSummary] {
        try read { try Queries.serviceSummaries($0, $1) }
    }

    /// Every recorded standalone action without its full spec, by name.
    ///
    /// None in a database of a program that did not know them.
    ///
    /// - Throws: `StoreError`.
    public func standaloneSummaries() throws -> [StandaloneSummary] {
        try read { try Queries.standaloneSummaries($0, $1) }
    }

    /// The recorded runs of a service, newest first.
    ///
    /// - Throws: `StoreError`.
    public func runs(of service: QualifiedName) throws -> [RunRecord] {
        try read { db, stored in try Queries.fetchAll(db, Queries.runs(of: service)) { try RunRecord($0, stored) } }
    }

    /// The jobs that match, newest first.
    ///
    /// - Throws: `StoreError`.
    public func jobs(_ filter: JobFilter = JobFilter()) throws -> [JobRecord] {
        try read { try Queries.jobs($0, $1, filter) }
    }

    /// One job; nil when it is not known.
    ///
    /// - Throws: `StoreError`.
    public func job(_ id: JobID) throws -> JobRecord? {
        try read { try Queries.job($0, $1, id) }
    }

    /// The jobs of the services' current runs, the standalone actions' newest ones and every other active job, by number.
    ///
    /// - Throws: `StoreError`.
    public func currentJobs() throws -> [JobRecord] {
        try read { try Queries.currentJobs($0, $1) }
    }

    /// The kept starts of a job, newest first.
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

    /// The events that match, oldest first, with the numbers to go on from.
    ///
    /// - Throws: `StoreError`.
    public func numberedEvents(_ filter: EventFilter = EventFilter()) throws -> [NumberedEvent] {
        try read { try Queries.events($0, $1, filter) }
    }
}

/// Which jobs are asked for; nil matches any.
public struct JobFilter: Hashable, Sendable {
    /// Of this context.
    public var context: String?
    /// Of this service.
    public var service: String?
    /// Of this action.
    public var action: String?
    /// With this tag.
    public var tag: String?
    /// In this phase.
    public var phase: JobPhase?
    /// Of this run.
    public var run: RunID?
    /// Only running and retrying ones.
    public var activeOnly: Bool
    /// At most so many, the newest ones; nil for all.
    public var limit: Int?

    /// Makes a filter; without arguments it matches every job.
    public init(
        context: String? = nil,
        service: String? = nil,
        action: String? = nil,
        tag: String? = nil,
        phase: JobPhase? = nil,
        run: RunID? = nil,
        activeOnly: Bool = false,
        limit: Int? = nil
    ) {
        self.context = context
        self.service = service
        self.action = action
        self.tag = tag
        self.phase = phase
        self.run = run
        self.activeOnly = activeOnly
        self.limit = limit
    }
}

/// Which events are asked for.
public struct EventFilter: Hashable, Sendable {
    /// Not older than this.
    public var since: WallTime?
    /// Only those recorded after the event with this number; nil for all.
    ///
    /// With it, `limit` keeps the oldest that follow, so that none is missed; without it, the newest.
    public var after: Int64?
    /// At most so many; nil for all.
    public var limit: Int?

    /// Makes a filter; without arguments it matches every event.
    public init(since: WallTime? = nil, after: Int64? = nil, limit: Int? = nil) {
        self.since = since
        self.after = after
        self.limit = limit
    }
}

/// An event with its number in the store.
public struct NumberedEvent: Hashable, Sendable {
    /// Its number: rises with each one recorded.
    public var id: Int64
    /// The event.
    public var event: EventRecord
}

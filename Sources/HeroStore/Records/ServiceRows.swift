internal import GRDB
public import HeroModel

/// A recorded service without its full spec: what planning and showing need, quick to read.
public struct ServiceSummary: Hashable, Sendable {
    /// Its name.
    public var name: QualifiedName
    /// Whose it is, as recorded.
    public var serviceClass: ServiceClass
    /// What was wanted of it, as recorded.
    public var status: DesiredStatus
    /// What it was last started (or updated in place) with, as comparable text.
    public var canonical: CanonicalSpec
    /// Its hard requirements, as recorded.
    public var requires: [QualifiedName]
    /// What it was ordered after, as recorded: `after` and then `wants`.
    public var after: [QualifiedName]
    /// Where it stands.
    public var state: ServiceState
    /// Since when, for people.
    public var since: WallTime
    /// What it waits for, when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Its current or last run; nil when it never ran.
    public var run: RunID?
    /// The revision whose spec this is.
    public var revision: RevisionNumber
    /// Whether it is meant to be up as far as the reconciler last knew.
    public var isStartRequested: Bool
}

extension ServiceSummary {
    static let columns = [
        "context", "name", "class", "status", "state", "since", "blocked_by", "run_id", "revision", "ordered_up",
        "requires", "after", "canonical",
    ]

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        let context = try columns.text()
        name = QualifiedName(try columns.text(), context: context)
        serviceClass = try columns.enumeration(ServiceClass.self)
        status = try columns.enumeration(DesiredStatus.self)
        state = try columns.enumeration(ServiceState.self)
        since = try columns.time()
        blockedBy = try columns.names()
        run = try columns.optionalInteger()
        revision = try columns.integer()
        isStartRequested = try columns.bool()
        requires = try columns.names()
        after = try columns.names()
        canonical = CanonicalSpec(text: try columns.text())
    }
}

extension ServiceRecord {
    static let key = ["context", "name"]
    static let columns = ServiceSummary.columns + ["spec"]
    /// The columns that are read back; the others repeat parts of the spec for people and for summaries.
    static let readColumns = [
        "spec", "canonical", "state", "since", "blocked_by", "run_id", "revision", "ordered_up",
    ]

    /// The values of all columns but the spec.
    func valuesExceptSpec(_ stored: ColumnCodec) throws -> SQLArguments {
        [
            name.context, name.name, spec.serviceClass.rawValue, spec.status.rawValue, state.rawValue,
            stored.text(since), try stored.names(blockedBy), run, revision, isStartRequested,
            try stored.names(spec.requires), try stored.names(spec.after + spec.wants), canonical.text,
        ]
    }

    init(_ row: Row, _ stored: ColumnCodec) throws {
        var columns = RowReader(row, stored)
        self.init(
            spec: try columns.json(ServiceSpec.self),
            canonical: CanonicalSpec(text: try columns.text()),
            state: try columns.enumeration(ServiceState.self),
            since: try columns.time(),
            blockedBy: try columns.names(),
            run: try columns.optionalInteger(),
            revision: try columns.integer(),
            isStartRequested: try columns.bool()
        )
    }
}

internal import GRDB
public import HeroModel

/// A recorded service without its full spec: the data for plans and status, quick to read.
public struct ServiceSummary: Hashable, Sendable {
    /// Its name.
    public var name: QualifiedName
    /// The class of the service, as recorded.
    public var serviceClass: ServiceClass
    /// The desired status, as recorded.
    public var status: DesiredStatus
    /// The spec of the last start or update in place, as comparable text.
    public var canonical: CanonicalSpec
    /// Its requirements with a cascade, as recorded.
    public var requires: [QualifiedName]
    /// The services it starts after, as recorded: its other requirements, `after` and then `wants`.
    public var after: [QualifiedName]
    /// Its state.
    public var state: ServiceState
    /// The time of the last state change.
    public var since: WallTime
    /// The services that block it, when it is blocked.
    public var blockedBy: [QualifiedName]
    /// Its current or last run; nil when it never ran.
    public var run: RunID?
    /// The revision of this spec.
    public var revision: RevisionNumber
    /// Whether the reconciler last requested its start.
    public var isStartRequested: Bool
    /// The last declared status that was not deferred; nil before the first.
    public var wanted: DesiredStatus?
    /// The last declared hold.
    public var hold: Hold?
    /// Its change that is not made yet; nil without one.
    public var deferred: DeferredChange?
}

extension ServiceSummary {
    static let columns = [
        "context", "name", "class", "status", "state", "since", "blocked_by", "run_id", "revision", "ordered_up",
        "requires", "after", "canonical", "wanted", "hold", "deferred",
    ]

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        let context = try reader.text()
        name = QualifiedName(try reader.text(), context: context)
        serviceClass = try reader.enumeration(ServiceClass.self)
        status = try reader.enumeration(DesiredStatus.self)
        state = try reader.enumeration(ServiceState.self)
        since = try reader.time()
        blockedBy = try reader.names()
        run = try reader.optionalInteger()
        revision = try reader.integer()
        isStartRequested = try reader.bool()
        requires = try reader.names()
        after = try reader.names()
        canonical = CanonicalSpec(text: try reader.text())
        wanted = try reader.optionalEnumeration(DesiredStatus.self)
        hold = try reader.optionalJSON(Hold.self)
        deferred = try reader.optionalJSON(DeferredChange.self)
    }
}

extension ServiceRecord {
    static let key = ["context", "name"]
    static let columns = ServiceSummary.columns + ["spec"]
    /// The columns that are read back; the others repeat parts of the spec for other tools and for summaries.
    static let readColumns = [
        "spec", "canonical", "state", "since", "blocked_by", "run_id", "revision", "ordered_up", "wanted", "hold",
        "deferred",
    ]

    /// The values of all columns except the spec.
    func valuesExceptSpec(_ codec: ColumnCodec) throws -> SQLArguments {
        [
            name.context, name.name, spec.serviceClass.rawValue, spec.status.rawValue, state.rawValue,
            codec.text(since), try codec.names(blockedBy), run, revision, isStartRequested,
            try codec.names(spec.cascadingRequires), try codec.names(spec.orderingDependencies), canonical.text,
            wanted?.rawValue, try hold.map(codec.json), try deferred.map(codec.json),
        ]
    }

    init(_ row: Row, _ codec: ColumnCodec) throws {
        var reader = RowReader(row, codec)
        self.init(
            spec: try reader.json(ServiceSpec.self),
            canonical: CanonicalSpec(text: try reader.text()),
            state: try reader.enumeration(ServiceState.self),
            since: try reader.time(),
            blockedBy: try reader.names(),
            run: try reader.optionalInteger(),
            revision: try reader.integer(),
            isStartRequested: try reader.bool()
        )
        wanted = try reader.optionalEnumeration(DesiredStatus.self)
        hold = try reader.optionalJSON(Hold.self)
        deferred = try reader.optionalJSON(DeferredChange.self)
    }
}

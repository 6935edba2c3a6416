public import HeroModel

/// The state of all services at one time: the input of `status`.
public struct StatusReport: Hashable, Sendable {
    /// The last applied revision; nil before the first.
    public var revision: RevisionRecord?
    /// The running reconciler; nil if there is none.
    public var reconciler: ReconcilerLockHolder?
    /// The services, in the order of output.
    public var services: [ServiceStatus]
    /// The standalone actions, in the order of output.
    public var standalone: [StandaloneStatus]
    /// Why the running reconciler cannot write its database; nil if it can, and if none is running.
    public var storeOutage: String?
    /// The write-ahead log of the database, if it has a problem.
    public var databaseLog: DatabaseLogFacts?
    /// The last change of the services directory, if the reconciler refused it; nil if it did not.
    public var refusedChange: RefusedChange?
    /// The git repository that is followed, as its reconciler has published it last; nil without one.
    public var repository: RepositoryStatus?
    /// The time of the report.
    public var now: WallTime

    /// Creates a report.
    public init(
        revision: RevisionRecord?,
        reconciler: ReconcilerLockHolder?,
        services: [ServiceStatus],
        standalone: [StandaloneStatus] = [],
        now: WallTime
    ) {
        self.revision = revision
        self.reconciler = reconciler
        self.services = services
        self.standalone = standalone
        self.now = now
    }

    /// The blocked services that only wait for their turn.
    var waitingServices: Set<QualifiedName> {
        guard services.contains(where: { $0.state == .blocked }) else { return [] }
        let byName = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(services.lazy.filter { $0.isWaitingForTurn(for: byName) }.map(\.name))
    }

    /// Whether a program runs, apart from services with status ignore, and no reconciler supervises it.
    var hasUnsupervisedPrograms: Bool {
        guard reconciler == nil else { return false }
        return services.contains { $0.wanted != .ignore && $0.actions.contains { $0.pid != nil } }
            || standalone.contains { $0.action.pid != nil }
    }

    /// Whether `status` exits 0: every service is in its wanted state and supervised, the last run of no standalone
    /// action failed, and the last change of the services directory was not refused.
    ///
    /// After a `down` no standalone action is wanted.
    public var isAllAsWanted: Bool {
        let isDown = revision?.isDown ?? false
        return services.allSatisfy(\.isAsWanted) && (isDown || standalone.allSatisfy(\.isAsWanted))
            && !hasUnsupervisedPrograms && refusedChange == nil
    }
}

public import HeroModel

/// One change to store; `StateStore.commit` takes a batch of them.
public enum StoreChange: Sendable {
    /// A desired state was applied, with its manifest files and the documents in them.
    ///
    /// The last 200 revisions are kept, and older ones that a recorded service, action or active job refers to.
    case revision(RevisionRecord, files: [ManifestFile], documents: [StoredDocument])
    /// A service as it is started or updated; replaces its record.
    case service(ServiceRecord)
    /// A new state of a recorded service.
    case serviceState(QualifiedName, ServiceState, since: WallTime, blockedBy: [QualifiedName], isStartRequested: Bool)
    /// A service is down and no longer declared: removes its record and keeps its runs and jobs.
    case serviceRemoved(QualifiedName)
    /// A standalone action; replaces its record.
    case standalone(StandaloneRecord)
    /// A standalone action is no longer declared: removes its record and keeps its jobs.
    case standaloneRemoved(QualifiedName)
    /// A run; replaces its record.
    case run(RunRecord)
    /// A job; replaces its record, except origin and tags, which never change.
    case job(JobRecord)
    /// Removes jobs with their starts and tags, and ended runs without other jobs.
    ///
    /// A standalone action whose newest job is among them has no newest job afterwards.
    case jobsRemoved([JobID])
    /// Removes all versions of the specs of actions.
    case actionsRemoved([ActionKey])
    /// Removes runs and keeps their jobs.
    case runsRemoved([RunID])
    /// A start of a job; replaces its record.
    ///
    /// The last 20 starts of each job are kept.
    case start(StartRecord)
    /// A spec of an action with `once` has succeeded, or it is unknown whether it has; never removed.
    case once(OnceRecord)
    /// Whether the history of actions with `once` was lost, so that specs without a record are unknown.
    case onceHistoryLost(Bool)
    /// An event; the newest 10,000 are kept.
    case event(EventRecord)
}

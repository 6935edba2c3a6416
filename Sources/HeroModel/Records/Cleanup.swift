/// A rule for the deletion of jobs, used by `jobs cleanup` and by `Settings.retention`.
///
/// Three kinds of jobs are never deleted: active jobs, jobs of the current run of a service whose start is requested,
/// and jobs of a standalone action that have not begun.
public struct CleanupRule: Hashable, Sendable, Codable {
    /// Only jobs with all of these tags.
    public var tags: [String]
    /// Only jobs of this service; nil: all.
    public var service: QualifiedName?
    /// Only jobs of actions with this name; nil: all.
    public var action: String?
    /// Only jobs in one of these phases; empty: all.
    public var phases: [JobPhase]
    /// Only jobs that ended before this time; a job without an end time is then skipped.
    public var endedBefore: WallTime?

    /// Makes a rule; without arguments it matches every job that may be deleted.
    public init(
        tags: [String] = [],
        service: QualifiedName? = nil,
        action: String? = nil,
        phases: [JobPhase] = [],
        endedBefore: WallTime? = nil
    ) {
        self.tags = tags
        self.service = service
        self.action = action
        self.phases = phases
        self.endedBefore = endedBefore
    }

    /// Makes a rule from a retention rule of the settings, at this time.
    public init(_ rule: RetentionRule, now: WallTime) {
        let (limit, overflow) = now.microseconds.subtractingReportingOverflow(rule.olderThan.wholeNanoseconds / 1000)
        self.init(
            tags: rule.tag.map { [$0] } ?? [],
            service: rule.service,
            action: rule.action,
            phases: rule.phases.isEmpty ? JobPhase.allCases.filter(\.isFinished) : rule.phases,
            endedBefore: WallTime(microseconds: overflow ? .min : limit)
        )
    }
}

/// The key of an action, for all versions of its spec.
public struct ActionKey: Hashable, Sendable, Codable {
    /// The context of its service, or of a standalone action.
    public var context: String
    /// The service; nil for a standalone action.
    public var service: String?
    /// The name of the action.
    public var action: String

    /// Makes a key.
    public init(context: String, service: String?, action: String) {
        self.context = context
        self.service = service
        self.action = action
    }

    /// The directory of its logs, relative to the log directory.
    public var logDirectory: String { "\(context)/\(service ?? "_")/\(action)" }
}

/// The result of a cleanup.
public struct CleanupResult: Hashable, Sendable, Codable {
    /// The numbers of the deleted jobs, or of those that would be deleted.
    public var jobs: [JobID]
    /// The actions whose specs were deleted, or would be deleted.
    public var actions: [ActionKey]
    /// The objects that could not be removed, as text.
    public var errors: [String]
    /// Whether this is a preview, and nothing was changed.
    public var isDryRun: Bool

    /// Makes a result.
    public init(jobs: [JobID] = [], actions: [ActionKey] = [], errors: [String] = [], isDryRun: Bool = false) {
        self.jobs = jobs
        self.actions = actions
        self.errors = errors
        self.isDryRun = isDryRun
    }
}

/// Which jobs may go: what `jobs cleanup` and `Settings.retention` have in common.
///
/// Whatever it says, three kinds of jobs never go: active ones, those of the current run of a service that is ordered up, and those
/// of a standalone action that are still to begin.
public struct CleanupRule: Hashable, Sendable, Codable {
    /// Only jobs that carry every one of these tags.
    public var tags: [String]
    /// Only jobs of this service; nil: any.
    public var service: QualifiedName?
    /// Only jobs of the action of this name; nil: any.
    public var action: String?
    /// Only jobs in one of these phases; empty: any.
    public var phases: [JobPhase]
    /// Only jobs that ended before this; one that has no time of its end is skipped then.
    public var endedBefore: WallTime?

    /// Makes a rule; without arguments it takes every job that may go.
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

    /// What a rule of the settings means now.
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

/// An action, in all versions of its spec: what a job belongs to.
public struct ActionKey: Hashable, Sendable, Codable {
    /// The context of its service, or its own.
    public var context: String
    /// Its service; nil for a standalone one.
    public var service: String?
    /// Its name.
    public var action: String

    /// Names an action.
    public init(context: String, service: String?, action: String) {
        self.context = context
        self.service = service
        self.action = action
    }

    /// The folder of its logs, below that of all logs.
    public var logDirectory: String { "\(context)/\(service ?? "_")/\(action)" }
}

/// What a cleanup came to.
public struct CleanupResult: Hashable, Sendable, Codable {
    /// The jobs that went, or would go, by number.
    public var jobs: [JobID]
    /// The actions whose specs went, or would go.
    public var actions: [ActionKey]
    /// What could not be removed, in words.
    public var errors: [String]
    /// Nothing was changed: this is what would be.
    public var isDryRun: Bool

    /// Makes a result.
    public init(jobs: [JobID] = [], actions: [ActionKey] = [], errors: [String] = [], isDryRun: Bool = false) {
        self.jobs = jobs
        self.actions = actions
        self.errors = errors
        self.isDryRun = isDryRun
    }
}

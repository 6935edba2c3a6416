/// What a service's manifest says, with every default filled in and every reference resolved.
public struct ServiceSpec: Hashable, Sendable, Codable {
    /// Its name and context.
    public var name: QualifiedName
    /// For people.
    public var description: String
    /// Who it belongs to: `down` leaves system services alone.
    public var serviceClass: ServiceClass
    /// What the author wants of it.
    public var status: DesiredStatus
    /// Copied onto its jobs.
    public var tags: [String]
    /// For people and tools.
    public var labels: [String: String]
    /// Up before it; stopping one of them stops it.
    public var requires: [QualifiedName]
    /// Order only.
    public var after: [QualifiedName]
    /// Order, where they are declared.
    public var wants: [QualifiedName]
    /// Never up at the same time.
    public var conflicts: [QualifiedName]
    /// Part of the required core.
    public var required: Bool
    /// Environment of all its actions, the weaker one.
    public var environment: [String: EnvironmentValue]
    /// Absolute paths of files of `KEY=VALUE` lines for all its actions, weaker than `environment`.
    public var environmentFiles: [String]
    /// The user of its actions, where they say none.
    public var user: String?
    /// The group of its actions, where they say none.
    public var group: String?
    /// Absolute working directory of its actions, where they say none.
    public var workingDirectory: String?
    /// At least one, in their order of starting.
    public var actions: [ActionSpec]
    /// One after another, or all at once.
    public var startOrder: StartOrder
    /// On a start its earlier jobs and runs are cancelled and deleted; false: only its inactive jobs are pruned.
    public var replacesExistingJobs: Bool
    /// On a stop its ended jobs are deleted.
    public var removesJobs: Bool
    /// A plan that would stop or restart it is refused without `--allow-protected`.
    public var isProtected: Bool
    /// Raised by the author to ask for a restart.
    public var generation: Int

    /// Makes a service with the contract's defaults.
    public init(_ name: QualifiedName, actions: [ActionSpec]) {
        self.name = name
        self.actions = actions
        description = ""
        serviceClass = .user
        status = .start
        tags = []
        labels = [:]
        requires = []
        after = []
        wants = []
        conflicts = []
        required = false
        environment = [:]
        environmentFiles = []
        user = nil
        group = nil
        workingDirectory = nil
        startOrder = .serial
        replacesExistingJobs = true
        removesJobs = false
        isProtected = false
        generation = 0
    }
}

extension ServiceSpec {
    /// Reads a recorded service; what an older version did not record has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try fields.decode(QualifiedName.self, forKey: .name),
            actions: try fields.decode([ActionSpec].self, forKey: .actions)
        )
        description = try fields.decode(String.self, forKey: .description)
        serviceClass = try fields.decode(ServiceClass.self, forKey: .serviceClass)
        status = try fields.decode(DesiredStatus.self, forKey: .status)
        tags = try fields.decode([String].self, forKey: .tags)
        labels = try fields.decode([String: String].self, forKey: .labels)
        requires = try fields.decode([QualifiedName].self, forKey: .requires)
        after = try fields.decode([QualifiedName].self, forKey: .after)
        wants = try fields.decode([QualifiedName].self, forKey: .wants)
        conflicts = try fields.decodeIfPresent([QualifiedName].self, forKey: .conflicts) ?? conflicts
        required = try fields.decode(Bool.self, forKey: .required)
        environment = try fields.decode([String: EnvironmentValue].self, forKey: .environment)
        environmentFiles = try fields.decodeIfPresent([String].self, forKey: .environmentFiles) ?? environmentFiles
        user = try fields.decodeIfPresent(String.self, forKey: .user)
        group = try fields.decodeIfPresent(String.self, forKey: .group)
        workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory)
        startOrder = try fields.decode(StartOrder.self, forKey: .startOrder)
        replacesExistingJobs =
            try fields.decodeIfPresent(Bool.self, forKey: .replacesExistingJobs) ?? replacesExistingJobs
        removesJobs = try fields.decodeIfPresent(Bool.self, forKey: .removesJobs) ?? removesJobs
        isProtected = try fields.decodeIfPresent(Bool.self, forKey: .isProtected) ?? isProtected
        generation = try fields.decode(Int.self, forKey: .generation)
    }
}

/// Who a service belongs to.
public enum ServiceClass: String, Hashable, Sendable, Codable, CaseIterable {
    /// Stopped by `down`.
    case user
    /// Left alone by `down` unless `--all` is given.
    case system
}

/// What the author wants of a service.
public enum DesiredStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// Keep it up.
    case start
    /// Keep it down.
    case stop
    /// Hands off: no start, no stop, no drift.
    case ignore
    /// Definition only, never run.
    case spec
}

/// The order in which a service's actions start.
public enum StartOrder: String, Hashable, Sendable, Codable, CaseIterable {
    /// In listed order, each up before the next.
    case serial
    /// All at once.
    case parallel
}

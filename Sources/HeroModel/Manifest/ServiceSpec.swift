/// The spec of a service, with all default values and resolved references.
public struct ServiceSpec: Hashable, Sendable, Codable {
    /// The name and context.
    public var name: QualifiedName
    /// A description for people.
    public var description: String
    /// The class: `down` does not stop system services.
    public var serviceClass: ServiceClass
    /// The desired status.
    public var status: DesiredStatus
    /// Tags that are copied to its jobs.
    public var tags: [String]
    /// Labels for people and tools.
    public var labels: [String: String]
    /// Services that must be up first; unless stated otherwise, a stop of one of them stops this service.
    public var requirements: [Requirement]
    /// Services that start before this one and stop after it; order only.
    public var after: [QualifiedName]
    /// As `after`, but only for services that are declared.
    public var wants: [QualifiedName]
    /// Services that are never up at the same time.
    public var conflicts: [QualifiedName]
    /// Whether the service is part of the required core.
    public var required: Bool
    /// Whether everything is stopped when the service has ended for good.
    public var isEssential: Bool {
        get { essential ?? false }
        set { essential = newValue ? true : nil }
    }
    /// True or nil, so that older versions can read the record of a service that is not essential.
    private var essential: Bool?
    /// Environment variables of all its actions; an action overrides them.
    public var environment: [String: EnvironmentValue]
    /// Files of `KEY=VALUE` lines for all its actions; `environment` overrides them.
    public var environmentFiles: [EnvironmentFileReference]
    /// The absolute paths of files that all its actions read; their content belongs to the spec.
    public var files: [String]
    /// The user of its actions, unless an action sets it.
    public var user: String?
    /// The group of its actions, unless an action sets it.
    public var group: String?
    /// The absolute working directory of its actions, unless an action sets it.
    public var workingDirectory: String?
    /// The actions in start order; at least one.
    public var actions: [ActionSpec]
    /// Whether the actions start one after another or all at once.
    public var startOrder: StartOrder
    /// Whether a start cancels and deletes earlier jobs and runs; false: it only prunes inactive jobs.
    public var replacesExistingJobs: Bool
    /// Whether a stop deletes the ended jobs of the service.
    public var removesJobs: Bool
    /// Whether a plan that stops or restarts the service is refused without `--allow-protected`.
    public var isProtected: Bool
    /// A number that the author raises to request a restart.
    public var generation: Int
    /// Until when no plan changes the service, and why; nil: plans change it.
    public var hold: Hold?

    /// Makes a service with default values.
    public init(_ name: QualifiedName, actions: [ActionSpec]) {
        self.name = name
        self.actions = actions
        description = ""
        serviceClass = .user
        status = .start
        tags = []
        labels = [:]
        requirements = []
        after = []
        wants = []
        conflicts = []
        required = false
        essential = nil
        environment = [:]
        environmentFiles = []
        files = []
        user = nil
        group = nil
        workingDirectory = nil
        startOrder = .serial
        replacesExistingJobs = true
        removesJobs = false
        isProtected = false
        generation = 0
        hold = nil
    }
}

extension ServiceSpec {
    /// The stored names of the properties.
    enum CodingKeys: String, CodingKey {
        case name, description, serviceClass, status, tags, labels
        case requirements = "requires"
        case after, wants, conflicts, required, essential, environment, environmentFiles, files, user, group,
            workingDirectory, actions
        case startOrder, replacesExistingJobs, removesJobs, isProtected, generation, hold
    }

    /// Decodes a stored service; a field that an older version did not store has its default value.
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
        requirements = try fields.decode([Requirement].self, forKey: .requirements)
        after = try fields.decode([QualifiedName].self, forKey: .after)
        wants = try fields.decode([QualifiedName].self, forKey: .wants)
        conflicts = try fields.decodeIfPresent([QualifiedName].self, forKey: .conflicts) ?? conflicts
        required = try fields.decode(Bool.self, forKey: .required)
        essential = try fields.decodeIfPresent(Bool.self, forKey: .essential)
        environment = try fields.decode([String: EnvironmentValue].self, forKey: .environment)
        environmentFiles =
            try fields.decodeIfPresent([EnvironmentFileReference].self, forKey: .environmentFiles) ?? environmentFiles
        files = try fields.decodeIfPresent([String].self, forKey: .files) ?? files
        user = try fields.decodeIfPresent(String.self, forKey: .user)
        group = try fields.decodeIfPresent(String.self, forKey: .group)
        workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory)
        startOrder = try fields.decode(StartOrder.self, forKey: .startOrder)
        replacesExistingJobs =
            try fields.decodeIfPresent(Bool.self, forKey: .replacesExistingJobs) ?? replacesExistingJobs
        removesJobs = try fields.decodeIfPresent(Bool.self, forKey: .removesJobs) ?? removesJobs
        isProtected = try fields.decodeIfPresent(Bool.self, forKey: .isProtected) ?? isProtected
        generation = try fields.decode(Int.self, forKey: .generation)
        hold = try fields.decodeIfPresent(Hold.self, forKey: .hold)
    }
}

/// The class of a service.
public enum ServiceClass: String, Hashable, Sendable, Codable, CaseIterable {
    /// Stopped by `down`.
    case user
    /// Stopped by `down` only with `--all`.
    case system
}

/// The desired status of a service.
public enum DesiredStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// The service must be up.
    case start
    /// The service must be down.
    case stop
    /// heroproc does not manage the service: no start, no stop, no drift.
    case ignore
    /// A definition that never runs.
    case spec
}

/// The order in which a service's actions start.
public enum StartOrder: String, Hashable, Sendable, Codable, CaseIterable {
    /// In the listed order; each is up before the next starts.
    case serial
    /// All at once.
    case parallel
}

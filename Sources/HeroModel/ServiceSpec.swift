/// What a service's manifest says, with every default filled in and every reference resolved.
public struct ServiceSpec: Hashable, Sendable, Codable {
    /// Its name and context.
    public var name: QualifiedName
    /// For people.
    public var description: String
    /// Who it belongs to: `down` leaves system services alone.
    public var serviceClass: ServiceClass
    /// What the author wants of it.
    public var status: WantedStatus
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
    /// Part of the required core.
    public var required: Bool
    /// Environment of all its actions, the weaker one.
    public var environment: [String: String]
    /// Absolute working directory of its actions, where they say none.
    public var workingDirectory: String?
    /// At least one, in their order of starting.
    public var actions: [ActionSpec]
    /// One after another, or all at once.
    public var startOrder: StartOrder
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
        required = false
        environment = [:]
        workingDirectory = nil
        startOrder = .serial
        generation = 0
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
public enum WantedStatus: String, Hashable, Sendable, Codable, CaseIterable {
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

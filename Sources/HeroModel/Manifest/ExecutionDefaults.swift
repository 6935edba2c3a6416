/// The values of the settings for services and actions that do not set them.
///
/// They are weaker than those of a service and of an action. Maps are merged by key.
public struct ExecutionDefaults: Hashable, Sendable, Codable {
    /// Environment variables.
    public var environment: [String: EnvironmentValue] = [:]
    /// Files with environment variables, before those of a service.
    public var environmentFiles: [EnvironmentFileReference] = []
    /// The user; nil: heroproc's own.
    public var user: String?
    /// The group; nil: that of the user.
    public var group: String?
    /// The working directory; nil: `/`.
    public var workingDirectory: String?
    /// The permission bits that are removed from new files; nil: the built-in default.
    public var umask: UInt32?
    /// Resource limits.
    public var limits = ResourceLimits()
    /// When an action is restarted; nil: it depends on its kind.
    public var restart: RestartPolicy?
    /// The maximum time until an action is ready; nil: the built-in default.
    public var startTimeout: Duration?

    /// Makes defaults without any value.
    public init() {}

    /// The service with these values where it has none.
    public func applied(to service: ServiceSpec) -> ServiceSpec {
        var result = service
        result.environment.merge(environment) { own, _ in own }
        result.environmentFiles = environmentFiles + service.environmentFiles
        // A service with its own user does not get another group.
        result.group = service.group ?? (service.user == nil ? group : nil)
        result.user = service.user ?? user
        result.workingDirectory = service.workingDirectory ?? workingDirectory
        return result
    }

    /// The standalone action with these values of a service where it has none.
    public func applied(toStandalone action: ActionSpec) -> ActionSpec {
        var result = action
        result.environment.merge(environment) { own, _ in own }
        result.environmentFiles = environmentFiles + action.environmentFiles
        result.group = action.group ?? (action.user == nil ? group : nil)
        result.user = action.user ?? user
        result.workingDirectory = action.workingDirectory ?? workingDirectory
        return result
    }
}

/// An item of `requires`: another service, and what it must have reached before this service starts.
public struct Requirement: Hashable, Sendable {
    /// The required service.
    public var service: QualifiedName
    /// What the required service must have reached.
    public var until: Milestone
    /// Whether a stop or restart of the required service takes this service with it.
    public var cascades: Bool

    /// What a required service must have reached.
    public enum Milestone: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each of its programs has been executed.
        case started
        /// Its processes are ready, and its one-shots have succeeded.
        case up
        /// Its one-shots have ended, with any exit code.
        case ended
    }

    /// Makes a requirement.
    public init(_ service: QualifiedName, until: Milestone = .up, cascades: Bool = true) {
        self.service = service
        self.until = until
        self.cascades = cascades
    }
}

extension Requirement {
    /// The canonical form: the name, followed by what differs from the defaults.
    public var canonical: String {
        var options: [String] = []
        if until != .up { options.append("until \(until.rawValue)") }
        if !cascades { options.append("start only") }
        return options.isEmpty ? service.description : "\(service) (\(options.joined(separator: ", ")))"
    }

    /// What the required service has not done, after its name: `is not up`.
    public var unmetText: String {
        switch until {
        case .started: "has not started"
        case .up: "is not up"
        case .ended: "has not ended"
        }
    }
}

extension Requirement: Codable {
    private enum Key: String, CodingKey {
        case service, until, cascade
    }

    /// Decodes a name, as versions without options stored it, or a map with options.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(QualifiedName.self) {
            self.init(name)
        } else {
            let container = try decoder.container(keyedBy: Key.self)
            self.init(
                try container.decode(QualifiedName.self, forKey: .service),
                until: try container.decodeIfPresent(Milestone.self, forKey: .until) ?? .up,
                cascades: try container.decodeIfPresent(Bool.self, forKey: .cascade) ?? true
            )
        }
    }

    /// Encodes what `init(from:)` decodes.
    public func encode(to encoder: any Encoder) throws {
        guard self != Requirement(service) else {
            var container = encoder.singleValueContainer()
            return try container.encode(service)
        }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(service, forKey: .service)
        if until != .up { try container.encode(until, forKey: .until) }
        if !cascades { try container.encode(cascades, forKey: .cascade) }
    }
}

extension ServiceSpec {
    /// The names of all services in `requires`; setting it makes plain requirements.
    public var requires: [QualifiedName] {
        get { requirements.map(\.service) }
        set { requirements = newValue.map { Requirement($0) } }
    }

    /// The services whose stop takes this service with it.
    public var cascadingRequires: [QualifiedName] { requirements.filter(\.cascades).map(\.service) }

    /// The services that only order its start and stop: requirements without a cascade, `after` and `wants`.
    public var orderingDependencies: [QualifiedName] {
        requirements.filter { !$0.cascades }.map(\.service) + after + wants
    }
}

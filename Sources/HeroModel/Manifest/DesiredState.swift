/// A declaration with its locations in the manifest.
public struct Declared<Spec: Hashable & Sendable>: Hashable, Sendable {
    /// The declared spec.
    public var spec: Spec
    /// Where its document begins (the value of its `name`).
    public var location: ManifestLocation
    /// Where each field is written; a default value has no location.
    public var locations: FieldLocations

    /// Makes a declaration.
    public init(_ spec: Spec, at location: ManifestLocation, locations: FieldLocations) {
        self.spec = spec
        self.location = location
        self.locations = locations
    }

    /// Makes a declaration with a table of locations.
    public init(_ spec: Spec, at location: ManifestLocation, fieldLocations: [String: ManifestLocation] = [:]) {
        self.init(spec, at: location, locations: FieldLocations(fieldLocations))
    }

    /// The locations of all fields, by field path.
    public var fieldLocations: [String: ManifestLocation] { locations.table }

    /// Where a field is written, otherwise where the document begins.
    public func location(of path: String) -> ManifestLocation {
        var prefix = path[...]
        while true {
            if let found = locations[prefix] { return found }
            guard let dot = prefix.lastIndex(of: ".") else { return location }
            prefix = prefix[..<dot]
        }
    }
}

/// The desired state: everything that the services directory declares, with defaults, resolved and validated as one
/// set.
public struct DesiredState: Hashable, Sendable {
    /// The services by name.
    public var services: [QualifiedName: Declared<ServiceSpec>]
    /// The action documents by name; a service that refers to one contains a copy of it.
    public var actions: [QualifiedName: Declared<ActionSpec>]
    /// The settings of the whole set.
    public var settings: Settings

    /// Makes a set.
    public init(
        services: [QualifiedName: Declared<ServiceSpec>] = [:],
        actions: [QualifiedName: Declared<ActionSpec>] = [:],
        settings: Settings = Settings()
    ) {
        self.services = services
        self.actions = actions
        self.settings = settings
    }
}

/// One manifest file of a services directory.
public struct ManifestFile: Hashable, Sendable {
    /// The path for display and in records, such as `services.d/web.yaml`.
    public var path: String
    /// The absolute path of its directory; relative paths in the manifest are relative to it.
    public var baseDirectory: String
    /// The content.
    public var bytes: [UInt8]

    /// Makes a file.
    public init(path: String, baseDirectory: String, bytes: [UInt8]) {
        self.path = path
        self.baseDirectory = baseDirectory
        self.bytes = bytes
    }
}

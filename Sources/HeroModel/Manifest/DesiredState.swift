/// A declared thing together with the places it is written at.
public struct Declared<Spec: Hashable & Sendable>: Hashable, Sendable {
    /// What it says.
    public var spec: Spec
    /// Where its document begins (the value of its `name`).
    public var location: ManifestLocation
    /// Where each field is written; defaults have no place.
    public var locations: FieldLocations

    /// Makes a declaration.
    public init(_ spec: Spec, at place: ManifestLocation, locations: FieldLocations) {
        self.spec = spec
        self.location = place
        self.locations = locations
    }

    /// Makes a declaration with a table of places.
    public init(_ spec: Spec, at place: ManifestLocation, fieldLocations: [String: ManifestLocation] = [:]) {
        self.init(spec, at: place, locations: FieldLocations(fieldLocations))
    }

    /// Where each field is written, as a table by field path.
    public var fieldLocations: [String: ManifestLocation] { locations.table }

    /// Where a field is written, or else where the document begins.
    public func location(of path: String) -> ManifestLocation {
        var prefix = path[...]
        while true {
            if let found = locations[prefix] { return found }
            guard let dot = prefix.lastIndex(of: ".") else { return location }
            prefix = prefix[..<dot]
        }
    }
}

/// Everything the services directory declares, defaulted, resolved and checked as one set.
public struct DesiredState: Hashable, Sendable {
    /// The services by name.
    public var services: [QualifiedName: Declared<ServiceSpec>]
    /// The action documents by name; services that refer to one carry a copy of it.
    public var actions: [QualifiedName: Declared<ActionSpec>]
    /// What holds for the whole set.
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

/// One file of a services directory as it was read.
public struct ManifestFile: Hashable, Sendable, Codable {
    /// The path as it is shown to the user and recorded, such as `services.d/web.yaml`.
    public var path: String
    /// The absolute folder it lies in: relative paths of its manifests are relative to it.
    public var baseDirectory: String
    /// Its bytes.
    public var bytes: [UInt8]

    /// Makes a file.
    public init(path: String, baseDirectory: String, bytes: [UInt8]) {
        self.path = path
        self.baseDirectory = baseDirectory
        self.bytes = bytes
    }
}

/// A file of `KEY=VALUE` lines that an `env_file` names.
public struct EnvironmentFileReference: Hashable, Sendable {
    /// The absolute path.
    public var path: String
    /// Whether a start succeeds without the file.
    public var isOptional: Bool

    /// Makes a reference.
    public init(_ path: String, isOptional: Bool = false) {
        self.path = path
        self.isOptional = isOptional
    }
}

extension EnvironmentFileReference {
    /// The canonical form: the path, marked if the file may be missing.
    public var canonical: String { Canonical.quotedIfNeeded(path) + (isOptional ? " (optional)" : "") }
}

extension EnvironmentFileReference: Codable {
    private enum Key: String, CodingKey {
        case path, optional
    }

    /// Decodes a path, as versions without optional files stored it, or `{"path": path, "optional": true}`.
    public init(from decoder: any Decoder) throws {
        if let path = try? decoder.singleValueContainer().decode(String.self) {
            self.init(path)
        } else {
            let container = try decoder.container(keyedBy: Key.self)
            self.init(
                try container.decode(String.self, forKey: .path),
                isOptional: try container.decodeIfPresent(Bool.self, forKey: .optional) ?? false
            )
        }
    }

    /// Encodes what `init(from:)` decodes.
    public func encode(to encoder: any Encoder) throws {
        guard isOptional else {
            var container = encoder.singleValueContainer()
            return try container.encode(path)
        }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(path, forKey: .path)
        try container.encode(true, forKey: .optional)
    }
}

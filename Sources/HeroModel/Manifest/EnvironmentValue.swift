/// The value of an environment variable.
public enum EnvironmentValue: Hashable, Sendable {
    /// The text in the manifest.
    case text(String)
    /// The content of the file with this absolute path when the program is started, without one trailing line feed.
    ///
    /// The content is never stored and never shown (SE-1).
    case fromFile(String)
    /// A text in which `${NAME}` is replaced with a variable of the environment when the program is started.
    case expand(String)

    /// The file that contains the value; nil if none does.
    public var file: String? {
        switch self {
        case .text, .expand: nil
        case .fromFile(let path): path
        }
    }
}

extension EnvironmentValue: ExpressibleByStringLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
}

extension EnvironmentValue: CustomStringConvertible {
    /// The canonical form: the text, quoted if necessary, or `from_file` and the path.
    public var description: String {
        switch self {
        case .text(let text): Canonical.quotedIfNeeded(text)
        case .fromFile(let path): "from_file \(Canonical.quotedIfNeeded(path))"
        case .expand(let text): "expand \(Canonical.quoted(text))"
        }
    }
}

extension EnvironmentValue: Codable {
    private enum Key: String, CodingKey {
        case fromFile = "from_file"
        case expand
    }

    /// Decodes a text, `{"from_file": path}` or `{"expand": text}`.
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self = .text(text)
        } else {
            let fields = try decoder.container(keyedBy: Key.self)
            if let text = try fields.decodeIfPresent(String.self, forKey: .expand) {
                self = .expand(text)
            } else {
                self = .fromFile(try fields.decode(String.self, forKey: .fromFile))
            }
        }
    }

    /// Encodes what `init(from:)` decodes.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        case .fromFile(let path):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(path, forKey: .fromFile)
        case .expand(let text):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(text, forKey: .expand)
        }
    }
}

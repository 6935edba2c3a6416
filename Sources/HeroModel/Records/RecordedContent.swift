/// A file whose content belongs to the spec of an action.
public struct ContentReference: Hashable, Sendable {
    /// What a file is for.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A file that the program reads itself, of the key `files`.
        case file
        /// A file of variables, of the key `env_file`.
        case environmentFile = "env_file"
        /// A file with the value of one variable, of `from_file`.
        case secret = "from_file"

        /// Whether the content may be secret, so that its digest needs a key and is never shown.
        public var isSecret: Bool {
            switch self {
            case .file: false
            case .environmentFile, .secret: true
            }
        }
    }

    /// The absolute path.
    public var path: String
    /// What it is for.
    public var kind: Kind
    /// Whether it may be missing.
    public var isOptional: Bool

    /// Makes a reference.
    public init(_ path: String, _ kind: Kind, isOptional: Bool = false) {
        self.path = path
        self.kind = kind
        self.isOptional = isOptional
    }
}

/// The content of a file at one moment, as a digest.
///
/// Two digests of one file are compared only if the machine could read the file both times.
public struct RecordedContent: Hashable, Sendable, Codable {
    /// The path; a file of a commit has the same path in every commit.
    public var path: String
    /// What the file is for.
    public var kind: ContentReference.Kind
    /// The digest; nil if the file could not be read.
    public var digest: String?

    /// Records the content of a file.
    public init(_ reference: ContentReference, _ digest: String?) {
        path = CheckoutPath.withoutCommits(reference.path)
        kind = reference.kind
        self.digest = digest
    }

    /// The digest of a file that is too large: its size and time stamp.
    public static func large(size: Int64, modifiedAt nanoseconds: Int64) -> String {
        "\(largePrefix)\(size):\(nanoseconds)"
    }

    /// The digest of a directory with a file that is too large.
    public static func largeDirectory(_ digest: String) -> String { largePrefix + digest }

    /// The files of this size and above are compared by size and time stamp only.
    public static let largeSize: Int64 = (16 << 20) + 1

    /// Whether a digest is made of sizes and time stamps instead of the content.
    public static func isLarge(_ digest: String) -> Bool { digest.utf8.starts(with: largePrefix.utf8) }

    private static let largePrefix = "stat:"
}

extension RecordedContent {
    /// A digest that was made with a key, with the name of the key.
    public static func keyed(_ digits: String, key: String) -> String { "\(keyedPrefix)\(key):\(digits)" }

    /// Whether two digests can be compared: those that were made with different keys cannot.
    public static func areComparable(_ first: String, _ second: String) -> Bool { keyName(first) == keyName(second) }

    private static let keyedPrefix = "hmac-"

    private static func keyName(_ digest: String) -> Substring? {
        guard digest.utf8.starts(with: keyedPrefix.utf8) else { return nil }
        return digest.dropFirst(keyedPrefix.count).prefix { $0 != ":" }
    }
}

extension ServiceSpec {
    /// The files whose content belongs to the spec of an action, each once.
    public func contentReferences(of action: ActionSpec) -> [ContentReference] {
        var references = (files + action.files).map { ContentReference($0, .file) }
        references += (environmentFiles + action.environmentFiles).map {
            ContentReference($0.path, .environmentFile, isOptional: $0.isOptional)
        }
        references += secretFiles(of: action).map { ContentReference($0, .secret) }
        guard references.count > 1 else { return references }
        var seen: [ContentReference.Kind: Set<ByteText>] = [:]
        return references.filter { seen[$0.kind, default: []].insert(ByteText($0.path)).inserted }
    }

    /// The files of `from_file` in the environment of an action, sorted.
    private func secretFiles(of action: ActionSpec) -> [String] {
        guard !(environment.isEmpty && action.environment.isEmpty) else { return [] }
        return environment.merging(action.environment) { $1 }.values.compactMap(\.file).sorted()
    }
}

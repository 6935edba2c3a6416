/// A file whose content belongs to the spec of an action.
public struct ContentReference: Hashable, Sendable {
    /// What a file is for.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A file that the program reads itself, of the key `files`.
        case file
    }

    /// The absolute path.
    public var path: String
    /// What it is for.
    public var kind: Kind

    /// Makes a reference.
    public init(_ path: String, _ kind: Kind) {
        self.path = path
        self.kind = kind
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

extension ServiceSpec {
    /// The files whose content belongs to the spec of an action, each once.
    public func contentReferences(of action: ActionSpec) -> [ContentReference] {
        guard !(files.isEmpty && action.files.isEmpty) else { return [] }
        var seen: Set<ByteText> = []
        return (files + action.files).filter { seen.insert(ByteText($0)).inserted }.map { ContentReference($0, .file) }
    }
}

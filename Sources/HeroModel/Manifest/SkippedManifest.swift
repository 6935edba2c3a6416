/// An entry of a services directory that has the name of a manifest or of a folder, and is not read.
///
/// What is not read is not absent: a service that it may declare must not stop because of it.
public struct SkippedManifest: Hashable, Sendable {
    /// Why the entry is not read.
    public enum Reason: Hashable, Sendable {
        /// A link to a file out of the directory.
        case linkOutside(target: String)
        /// A link to a folder out of the directory.
        case folderLink(target: String)
        /// A link whose target does not exist.
        case brokenLink(target: String)
        /// No regular file, such as `a FIFO`.
        case notAFile(kind: String)
        /// Its name is not UTF-8.
        case nameNotUTF8
        /// A folder below the deepest one that is searched.
        case tooDeep
    }

    /// The path for display, such as `services.d/web.yaml`.
    public var path: String
    /// The absolute path, as records contain it.
    public var absolutePath: String
    /// Why it is not read.
    public var reason: Reason

    /// Makes an entry.
    public init(path: String, absolutePath: String, _ reason: Reason) {
        self.path = path
        self.absolutePath = absolutePath
        self.reason = reason
    }

    /// Whether the entry has taken the place of a manifest, or of the folder of a manifest, with this absolute path.
    ///
    /// The former name of an entry with a damaged name is unknown, so that may be any manifest of the same folder.
    public func mayReplace(_ file: String) -> Bool {
        let (own, other) = (Array(absolutePath.utf8), Array(file.utf8))
        guard reason != .nameNotUTF8 else {
            guard let slash = own.lastIndex(of: UInt8(ascii: "/")) else { return false }
            return other.starts(with: own[...slash])
        }
        return other == own || other.starts(with: own + [UInt8(ascii: "/")])
    }
}

public import HeroModel

/// Reads and watches a services directory.
public protocol ManifestSource: AnyObject {
    /// Reads all manifest files of a directory, by the contract's rules on names, links and files that are being
    /// written.
    ///
    /// - Parameters:
    ///   - directory: The directory.
    ///   - name: A path to the same directory; the paths of the files begin with it.
    /// - Returns: The files, or why the directory cannot be read.
    func readManifests(in directory: String, namedBy name: String) -> ManifestReadResult

    /// Whether two absolute paths lead to the same directory.
    func isSameDirectory(_ first: String, _ second: String) -> Bool

    /// Watches a directory: a change of its files arrives as `filesChanged`. nil watches nothing.
    func watchDirectory(_ directory: String?)

    /// Watches files outside the directory, or with other names, whose changes arrive as `filesChanged` too.
    func watchVariableFiles(_ paths: [String])

    /// Watches files and directories for changes of their content, which arrive as `contentChanged`.
    func watchContents(_ paths: [String])
}

/// The content of a services directory.
public enum ManifestReadResult: Hashable, Sendable {
    /// All its manifest files, and the entries that look like manifests and are not read, both sorted by path.
    case files([ManifestFile], skipped: [SkippedManifest] = [])
    /// The directory cannot be read; the reason as a text.
    case unreadable(String)
}

/// Which files of a services directory are manifests (contract, section 2).
public enum ManifestFileRules {
    /// The largest manifest in bytes.
    ///
    /// Of a larger file one byte more is read, so that the caller can detect it.
    public static let maximumSize = 1 << 20

    /// The maximum depth of nested folders.
    public static let maximumDepth = 32

    /// Whether a file name is the name of a manifest: `*.yaml` or `*.yml`, but not an editor's temporary file.
    public static func isManifestName(_ name: String) -> Bool {
        guard let first = name.first, first != ".", first != "#" else { return false }
        return name.hasSuffix(".yaml") || name.hasSuffix(".yml")
    }

    /// Whether a folder with this name is searched for manifests.
    public static func isFolderName(_ name: String) -> Bool {
        guard let first = name.first, first != ".", first != "#" else { return false }
        return !["~", ".swp", ".tmp", ".bak"].contains { name.hasSuffix($0) }
    }
}

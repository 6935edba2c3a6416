internal import CHeroVersion

/// The version of these programs.
public enum Release {
    /// The version, such as `0.1.0`.
    public static let version = String(cString: hero_version())

    /// The version with the commit, such as `0.1.0 (4c661cf8)`.
    public static let description = describe(version, commit: String(cString: hero_commit()))

    static func describe(_ version: String, commit: String) -> String {
        "\(version) (\(commit.isEmpty ? "development build" : commit))"
    }
}

/// A directory that is made before a program starts if it is missing.
public struct Folder: Hashable, Sendable, Codable {
    /// The absolute path.
    public var path: String
    /// The permission bits, 0 to 0o7777.
    public var mode: UInt32
    /// The name or number of the owner; nil: the user of the action.
    public var user: String?
    /// The name or number of the group; nil: that of the owner.
    public var group: String?

    /// Makes a folder; the default mode is 0755.
    public init(_ path: String, mode: UInt32 = 0o755, user: String? = nil, group: String? = nil) {
        self.path = path
        self.mode = mode
        self.user = user
        self.group = group
    }
}

extension Folder {
    /// The canonical form: the path, and what differs from the defaults in parentheses.
    public var canonical: String {
        let parts = [
            mode == 0o755 ? nil : "mode 0" + String(mode, radix: 8),
            user.map { "user \(Canonical.quotedIfNeeded($0))" },
            group.map { "group \(Canonical.quotedIfNeeded($0))" },
        ]
        .compactMap(\.self)
        return Canonical.quotedIfNeeded(path) + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
    }
}

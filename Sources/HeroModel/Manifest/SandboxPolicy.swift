/// What a program can see and change of this machine: a mount namespace, and a network namespace, of its own.
public struct SandboxPolicy: Hashable, Sendable, Codable {
    /// Whether it can write only below `/dev`, `/proc`, `/sys` and `writable`.
    public var isReadOnly: Bool
    /// The absolute paths that it can write to all the same; sorted.
    public var writable: [String]
    /// Whether `/tmp` and `/var/tmp` are its own and empty.
    public var hasPrivateTmp: Bool
    /// The absolute paths of files and directories that it cannot open; sorted.
    public var hidden: [String]
    /// Whether it has no network but a loopback interface of its own.
    public var hasNoNetwork: Bool

    /// The names in stored JSON.
    private enum CodingKeys: String, CodingKey {
        case isReadOnly = "read_only"
        case writable
        case hasPrivateTmp = "private_tmp"
        case hidden = "hide"
        case hasNoNetwork = "no_network"
    }

    /// Makes a policy; by default nothing is restricted.
    public init(
        isReadOnly: Bool = false,
        writable: [String] = [],
        hasPrivateTmp: Bool = false,
        hidden: [String] = [],
        hasNoNetwork: Bool = false
    ) {
        self.isReadOnly = isReadOnly
        self.writable = writable
        self.hasPrivateTmp = hasPrivateTmp
        self.hidden = hidden
        self.hasNoNetwork = hasNoNetwork
    }

    /// Whether all values are the defaults, so that the program needs no sandbox.
    public var isEmpty: Bool { self == Self() }

    /// The directories that `private_tmp` replaces.
    public static let temporaryDirectories = ["/tmp", "/var/tmp"]
    /// The directories that stay as they are under `read_only`.
    public static let kernelDirectories = ["/dev", "/proc", "/sys"]
    /// The largest number of paths in `writable`, and in `hide`.
    public static let maximumPaths = 250

    /// Why a path outside the sandbox is not the same file inside, or cannot be written there.
    public enum PathProblem: Hashable, Sendable {
        /// It is below a path of `hide`.
        case hidden
        /// It is below a directory that `private_tmp` replaces.
        case privateTmp
        /// It is outside of `writable` under `read_only`.
        case readOnly
    }

    /// Why the program cannot create or write this file for others; nil if it can.
    public func problem(withWriting path: String) -> PathProblem? {
        if hidden.contains(where: { Self.contains($0, path) }) { return .hidden }
        if hasPrivateTmp, Self.temporaryDirectories.contains(where: { Self.contains($0, path) }) { return .privateTmp }
        let open = Self.kernelDirectories + writable
        return isReadOnly && !open.contains { Self.contains($0, path) } ? .readOnly : nil
    }

    /// Whether a path is a directory or below it; both are absolute and normalised.
    private static func contains(_ directory: String, _ path: String) -> Bool {
        let (whole, prefix) = (path.utf8, directory.utf8)
        guard whole.starts(with: prefix) else { return false }
        return directory == "/" || whole.count == prefix.count
            || whole.dropFirst(prefix.count).first == UInt8(ascii: "/")
    }
}

extension SandboxPolicy {
    /// The values that differ from the defaults, by key.
    var canonical: [String: String] {
        presentEntries(
            ("read_only", isReadOnly ? "true" : nil),
            ("writable", writable.isEmpty ? nil : Canonical.list(writable)),
            ("private_tmp", hasPrivateTmp ? "true" : nil),
            ("hide", hidden.isEmpty ? nil : Canonical.list(hidden)),
            ("no_network", hasNoNetwork ? "true" : nil)
        )
    }
}

/// A capability: one of the rights into which the kernel divides the power of root (capabilities(7)).
public struct Capability: Hashable, Sendable {
    /// The number of the kernel, which is the index in `names`.
    public let number: Int

    /// The names in manifests, in the order of their numbers.
    public static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// Parses `NET_BIND_SERVICE` or `CAP_NET_BIND_SERVICE`.
    public init?(name: String) {
        let prefix = "CAP_"
        let bare = name.utf8.starts(with: prefix.utf8) ? String(name.dropFirst(prefix.count)) : name
        guard let number = Self.names.firstIndex(of: bare) else { return nil }
        self.number = number
    }

    /// The set with one bit for each capability, as the kernel writes it.
    public static func bits(_ capabilities: [Capability]) -> UInt64 {
        capabilities.reduce(0) { $0 | 1 << UInt64($1.number) }
    }
}

extension Capability: CustomStringConvertible {
    /// The name in a manifest.
    public var description: String { Self.names[number] }
}

extension Capability: Comparable {
    /// Orders by number.
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension Capability: Codable {
    /// Decodes the name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(name: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown capability")
        }
        self = value
    }

    /// Encodes the name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

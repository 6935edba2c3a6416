/// The mounted file systems (`/proc/self/mountinfo`, proc(5)).
struct MountTable {
    /// A mounted file system.
    struct Entry: Hashable {
        /// The mount point.
        var mountPoint: String
        /// The type of the file system: `ext4`, `nfs4`, `fuse.sshfs`.
        var fileSystem: String
        /// The options of the mount and of the file system: `ro`, `noexec`.
        var options: Set<String>
    }

    /// In the kernel's order: a later entry hides an earlier one at the same mount point.
    var entries: [Entry]

    /// The file systems that this process sees.
    static var current: MountTable { MountTable(readText("/proc/self/mountinfo", limit: 1 << 20) ?? "") }

    init(_ text: String) {
        entries = text.split(separator: "\n").compactMap { line in
            // `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let fields = halves[0].split(separator: " ")
            let system = halves[1].split(separator: " ")
            guard fields.count >= 6, let kind = system.first else { return nil }
            let options = fields[5].split(separator: ",") + (system.last?.split(separator: ",") ?? [])
            return Entry(
                mountPoint: Self.unescaped(fields[4]),
                fileSystem: String(kind),
                options: Set(options.map(String.init))
            )
        }
    }

    /// Returns the file system of an absolute path without links.
    func entryContaining(_ path: String) -> Entry? {
        var best: Entry?
        for entry in entries {
            let isAbove = entry.mountPoint == "/" || path == entry.mountPoint || path.hasPrefix(entry.mountPoint + "/")
            if isAbove, entry.mountPoint.utf8.count >= best?.mountPoint.utf8.count ?? 0 { best = entry }
        }
        return best
    }

    /// Decodes the octal escapes that the kernel uses for blanks, tabs, line feeds and backslashes.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

import CHeroLinux
import Glibc

/// Whether nobody but those who are trusted can put something else in the place of a path (reliability.md FS-1).
///
/// Every step from `/` down is looked at, links included. Once none of them can be exchanged by a stranger, it does not
/// matter how long ago that was looked at: what is then opened by its path is what was judged.
enum TrustedPath {
    /// The part of a path that a stranger could exchange, and why.
    struct Problem: Error, Hashable {
        /// The offending part: a directory, a link or a file on the way.
        var path: String
        /// In words, with what to do about it.
        var cause: String

        /// `/srv/app: others may write to it`.
        var text: String { "\(path): \(cause)" }
    }

    /// Links that are followed before it is taken for a circle (as the kernel does).
    private static let maximumLinks = 40

    /// Looks at every directory and link on the way to a path, and at the directory that it leads to.
    ///
    /// What does not exist yet is no flaw: whoever makes it looks again afterwards. A file at the end is for those who open
    /// it to judge, by the open descriptor.
    /// - Parameters:
    ///   - path: Absolute.
    ///   - owners: Users besides root and ourselves whose word counts.
    /// - Throws: The first part that cannot be trusted.
    static func check(_ path: String, trusting owners: Set<UInt32> = []) throws(Problem) {
        let trusted = owners.union(Self.trustedOwners)
        var rest: [Substring] = path.split(separator: "/").reversed()
        var current = "/"
        var links = 0
        var root = stat()
        if lstat(current, &root) == 0 { try checkDirectory(root, current, trusted) }
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                current = parentDirectory(of: current)
                continue
            }
            let next = current == "/" ? "/\(name)" : "\(current)/\(name)"
            var file = stat()
            guard lstat(next, &file) == 0 else { return }
            switch file.st_mode & S_IFMT {
            case S_IFLNK:
                try checkOwner(file, next, trusted)
                links += 1
                guard links <= maximumLinks, let target = readLink(of: next) else {
                    throw Problem(path: next, cause: "it is a link that leads nowhere")
                }
                if target.hasPrefix("/") { current = "/" }
                rest += target.split(separator: "/").reversed()
            case S_IFDIR:
                try checkDirectory(file, next, trusted)
                current = next
            default:
                guard rest.isEmpty else { throw Problem(path: next, cause: "it is no directory") }
            }
        }
    }

    /// Whether somebody besides its owner may write to a file; a file system that nobody can write to makes up for it.
    ///
    /// A group that is root's, our own, the private one of the owner (of the same number) or one of the system's (below 100)
    /// counts as its owner, unless an access control list hides behind the bits of the group.
    static func isWritableByOthers(_ file: stat, _ path: String) -> Bool {
        guard file.st_mode & (S_IWGRP | S_IWOTH) != 0 else { return false }
        let isPrivate =
            file.st_gid == 0 || file.st_gid == getegid() || file.st_gid == file.st_uid || file.st_gid < 100
        if file.st_mode & S_IWOTH == 0, isPrivate, hl_has_access_list(path) == 0 { return false }
        var system = statvfs()
        return statvfs(path, &system) != 0 || system.f_flag & 1 == 0  // ST_RDONLY
    }

    /// Root and ourselves; and who has no name in a user namespace that is not the machine's: nobody in here can be them.
    static var trustedOwners: Set<UInt32> {
        var result: Set<UInt32> = [0, geteuid()]
        let map = (readText("/proc/self/uid_map") ?? "").split(whereSeparator: { $0 == " " || $0 == "\n" })
        if !map.isEmpty, map != ["0", "0", "4294967295"] {
            result.insert(readText("/proc/sys/kernel/overflowuid").flatMap { UInt32($0.trimmed) } ?? 65534)
        }
        return result
    }

    /// Judges one directory: its owner, and who may change what is in it.
    static func checkDirectory(_ file: stat, _ path: String, _ trusted: Set<UInt32>) throws(Problem) {
        try checkOwner(file, path, trusted)
        // In a sticky one only the owner of an entry can exchange it, and each entry on the way is judged itself.
        guard file.st_mode & S_ISVTX == 0, isWritableByOthers(file, path) else { return }
        throw Problem(path: path, cause: "others may write to it; run `chmod go-w` on it")
    }

    static func checkOwner(_ file: stat, _ path: String, _ trusted: Set<UInt32>) throws(Problem) {
        guard !trusted.contains(file.st_uid) else { return }
        throw Problem(path: path, cause: "it belongs to the user \(file.st_uid)")
    }

    private static func parentDirectory(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "/"
    }

    private static func readLink(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let size = readlink(link, &bytes, bytes.count)
        return size > 0 && size < bytes.count
            ? String(decoding: bytes[..<size].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}

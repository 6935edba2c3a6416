import CHeroLinux
import Glibc
import HeroModel

extension FileFacts {
    /// Takes the facts from a stat(2) result; asks for the access list and the file system only if they matter.
    init(_ file: stat, _ path: String) {
        let kind: Kind =
            switch file.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        self.init(
            kind: kind,
            owner: file.st_uid,
            group: file.st_gid,
            mode: UInt32(file.st_mode & 0o7777),
            linkCount: UInt64(file.st_nlink)
        )
        guard isGroupOrWorldWritable, kind != .link else { return }
        hasAccessList = hl_has_access_list(path) == 1
        var system = statvfs()
        isOnReadOnlyFileSystem = statvfs(path, &system) == 0 && system.f_flag & 1 != 0  // ST_RDONLY
    }

    /// Returns the facts of a file without following a link; nil with `errno` set if it cannot be read.
    static func of(_ path: String) -> FileFacts? {
        var file = stat()
        return lstat(path, &file) == 0 ? FileFacts(file, path) : nil
    }

    /// Returns the facts of the file that a path leads to; nil with `errno` set if it cannot be read.
    static func following(_ path: String) -> FileFacts? {
        var file = stat()
        return stat(path, &file) == 0 ? FileFacts(file, path) : nil
    }

    /// Returns the facts of an open file; nil with `errno` set if they cannot be read.
    static func of(_ descriptor: Descriptor, _ path: String) -> FileFacts? {
        var file = stat()
        return fstat(descriptor.number, &file) == 0 ? FileFacts(file, path) : nil
    }
}

extension FileTrust {
    /// The rules of trust for this process.
    static var current: FileTrust {
        var trust = FileTrust(user: geteuid(), group: getegid())
        let map = (readText("/proc/self/uid_map") ?? "").split(whereSeparator: { $0 == " " || $0 == "\n" })
        if !map.isEmpty, map != ["0", "0", "4294967295"] {
            trust.unmappedUser = readText("/proc/sys/kernel/overflowuid").flatMap { UInt32($0.trimmed) } ?? 65534
        }
        return trust
    }
}

extension PathTrust {
    /// The check of paths for this process.
    static var current: PathTrust {
        PathTrust(trust: .current, facts: { FileFacts.of($0) }, linkTarget: HeroLinux.linkTarget)
    }
}

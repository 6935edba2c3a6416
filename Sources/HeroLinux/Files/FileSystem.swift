import CHeroLinux
import Glibc

/// The file system that a directory is on, as far as a database minds (reliability.md DB-7).
public struct FileSystem: Hashable, Sendable {
    /// The variable that lets a state directory be where it should not.
    public static let overrideVariable = "HEROPROC_ALLOW_NETWORK_FS"

    /// What the kernel calls it (statfs(2), `f_type`).
    let magic: UInt32

    /// The one of a directory, or of the nearest one above it that exists; nil when it cannot be asked.
    static func containing(_ path: String) -> FileSystem? {
        var place = path
        var magic: UInt32 = 0
        while case let result = hl_file_system(place, &magic), result != 0 {
            guard result == -Int(ENOENT), let slash = place.lastIndex(of: "/"), place != "/" else { return nil }
            place = slash == place.startIndex ? "/" : String(place[..<slash])
        }
        return FileSystem(magic: magic)
    }

    /// Its name, if locks and shared memory cannot be trusted on it; nil for all others.
    ///
    /// On these a lock may be known to one machine only, or be forgotten; SQLite's log needs memory that all share.
    var unsupportedName: String? {
        switch magic {
        case 0x6969: "NFS"
        case 0xff53_4d42: "CIFS"
        case 0xfe53_4d42: "SMB2"
        case 0x517b: "SMB"
        case 0x0102_1997: "9p"
        case 0x6573_5546: "FUSE"
        case 0x5346_414f: "AFS"
        case 0x7375_7245: "Coda"
        case 0x00c3_6400: "Ceph"
        default: nil
        }
    }

    /// Refuses a state directory on such a file system.
    public static func requireSupported(_ paths: RuntimePaths, environment: [String: String]) throws(LinuxError) {
        guard environment[overrideVariable] != "1", let name = containing(paths.state)?.unsupportedName else { return }
        throw LinuxError(
            cannot: "use the state directory \(paths.state)",
            because:
                "it is on \(name), where neither locks nor SQLite's shared memory can be relied on; choose one on a "
                + "local disk, or set \(overrideVariable)=1 and answer for it"
        )
    }
}

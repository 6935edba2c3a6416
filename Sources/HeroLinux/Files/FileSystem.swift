import CHeroLinux
import Glibc

/// The kind of file system that a directory is on, because SQLite does not work on all of them (DB-7).
public struct FileSystem: Hashable, Sendable {
    /// The variable that allows a state directory on an unsupported file system.
    public static let overrideVariable = "HEROPROC_ALLOW_NETWORK_FS"

    /// The magic number of the file system (statfs(2), `f_type`).
    let magic: UInt32

    /// Returns the file system of a path or, if it does not exist, of its nearest existing parent; nil if that fails.
    static func containing(_ path: String) -> FileSystem? {
        var existing = path
        var magic: UInt32 = 0
        while case let result = hl_file_system(existing, &magic), result != 0 {
            guard result == -Int(ENOENT), let slash = existing.lastIndex(of: "/"), existing != "/" else { return nil }
            existing = slash == existing.startIndex ? "/" : String(existing[..<slash])
        }
        return FileSystem(magic: magic)
    }

    /// The name of a file system on which locks and shared memory are not reliable; nil for all others.
    ///
    /// On these file systems a lock may be known to one machine only or be lost, and SQLite's write-ahead log needs
    /// shared memory.
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

    /// Throws if the state directory is on an unsupported file system.
    public static func requireSupported(_ paths: RuntimePaths, environment: [String: String]) throws(LinuxError) {
        guard environment[overrideVariable] != "1", let name = containing(paths.state)?.unsupportedName else { return }
        throw LinuxError(
            cannot: "use the state directory \(paths.state)",
            because:
                "it is on \(name), where neither locks nor SQLite's shared memory are reliable; choose one on a "
                + "local disk, or set \(overrideVariable)=1 to use it at your own risk"
        )
    }
}

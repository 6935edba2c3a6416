import CHeroFailpoints
import CHeroLinux
import Glibc
import HeroModel

/// Removes a socket file that was found stale, or a PID file of an earlier start, and no other file (SK-4).
enum StaleFileRemoval {
    /// Removes a stale socket file.
    ///
    /// - Returns: Whether the stale file was removed.
    @discardableResult
    static func remove(_ file: SocketFile) -> Bool {
        remove(file.path) { isSameSocket(file, $0, $1) }
    }

    /// Removes a PID file of an earlier start.
    ///
    /// - Returns: Whether that file was removed.
    @discardableResult
    static func remove(_ file: LeftPIDFile) -> Bool {
        remove(file.path) { isSameFile(file, $0, $1) }
    }

    /// Renames the file, checks that it is the stale one, and only then removes it.
    ///
    /// A file that another process creates in between is put back.
    private static func remove(_ path: String, isStale: (_ directory: Descriptor, _ name: String) -> Bool) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return false }
        let name = String(path[path.index(after: slash)...])
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        let number = hl_open_path(folder)
        guard number >= 0 else { return false }
        let directory = Descriptor(number)
        guard isStale(directory, name) else { return false }
        let aside = ".\(name).hp-\(String(hl_random(), radix: 36))"
        guard hl_rename_noreplace(directory.number, name, aside) == 0 else { return false }
        hero_failpoint(FP_RC_3)
        guard isStale(directory, aside) else {
            // Another process has created a new file: restore its name, unless the name is in use again.
            _ = hl_rename_noreplace(directory.number, aside, name)
            return false
        }
        let isRemoved = unlinkat(directory.number, aside, 0) == 0
        hero_failpoint(FP_RC_4)
        return isRemoved
    }

    private static func isSameSocket(_ file: SocketFile, _ directory: Descriptor, _ name: String) -> Bool {
        var entry = hl_file_identity()
        return hl_identify_file(directory.number, name, &entry) == 0
            && mode_t(entry.mode) & S_IFMT == S_IFSOCK
            && UInt64(entry.inode) == file.inode && UInt64(entry.device) == file.device
            && entry.created_at == file.bornAt
    }

    private static func isSameFile(_ file: LeftPIDFile, _ directory: Descriptor, _ name: String) -> Bool {
        var entry = stat()
        guard fstatat(directory.number, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
        return entry.st_mode & S_IFMT == S_IFREG
            && UInt64(entry.st_ino) == file.inode && UInt64(entry.st_dev) == file.device
            && WallTime(entry.st_mtim) == file.writtenAt
    }
}

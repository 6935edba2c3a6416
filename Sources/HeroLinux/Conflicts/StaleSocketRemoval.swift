import CHeroFailpoints
import CHeroLinux
import Glibc
import HeroModel

/// Removes a socket file that was found stale, and no other file (SK-4).
enum StaleSocketRemoval {
    /// Renames the file, checks that it is the stale one, and only then removes it.
    ///
    /// A socket file that another process creates in between is put back.
    /// - Returns: Whether the stale file was removed.
    @discardableResult
    static func remove(_ file: SocketFile) -> Bool {
        guard let slash = file.path.lastIndex(of: "/") else { return false }
        let name = String(file.path[file.path.index(after: slash)...])
        let folder = slash == file.path.startIndex ? "/" : String(file.path[..<slash])
        let number = hl_open_path(folder)
        guard number >= 0 else { return false }
        let directory = Descriptor(number)
        guard isSameSocket(file, directory, name) else { return false }
        let aside = ".\(name).hp-\(String(hl_random(), radix: 36))"
        guard hl_rename_noreplace(directory.number, name, aside) == 0 else { return false }
        hero_failpoint(FP_RC_3)
        guard isSameSocket(file, directory, aside) else {
            // Another process has created a new socket file: restore its name, unless the name is in use again.
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
}

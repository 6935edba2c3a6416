import Glibc
import HeroLinux

/// Files and folders that only heroproc writes.
enum SmallFile {
    /// Writes a whole file; an older file with the same name is replaced.
    static func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(GitError) {
        let next = path + ".new"
        unlink(next)
        try create(next, bytes, mode: mode)
        guard rename(next, path) == 0 else { throw failure("write", path) }
    }

    /// Creates a file that does not exist yet.
    static func create(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(GitError) {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard number >= 0 else { throw failure("create", path) }
        defer { close(number) }
        fchmod(number, mode)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            done += count
        }
    }

    /// Creates a folder if it does not exist.
    static func makeFolder(_ path: String, mode: mode_t) throws(GitError) {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("create the directory", path) }
        var file = stat()
        guard lstat(path, &file) == 0, file.st_mode & S_IFMT == S_IFDIR, file.st_uid == geteuid() else {
            throw GitError(cause: "\(path) is not a directory of this user", help: "remove it")
        }
        chmod(path, mode)
    }

    /// Removes a file, or a folder with its content; follows no link.
    static func remove(_ path: String) {
        var pending = [(path: path, isVisited: false)]
        while let (path, isVisited) = pending.popLast() {
            if isVisited {
                rmdir(path)
                continue
            }
            var file = stat()
            guard lstat(path, &file) == 0 else { continue }
            guard file.st_mode & S_IFMT == S_IFDIR else {
                unlink(path)
                continue
            }
            chmod(path, 0o700)
            pending.append((path, true))
            for name in listDirectory(path) ?? [] { pending.append(("\(path)/\(name)", false)) }
        }
    }

    static func failure(_ task: String, _ path: String) -> GitError {
        GitError(cause: "cannot \(task) \(path): \(String(cString: strerror(errno)))", help: "")
    }
}

import Glibc

/// A file of heroproc's own: a lock, a record, the database (reliability.md FS-1).
///
/// It is a regular file with one name that only we may write to. Everything else that has its name was put there by somebody
/// else, and is neither waited for, nor written to, nor believed.
enum TrustedFile {
    /// Opens one without following a link and without waiting for the other end of a FIFO.
    ///
    /// - Parameters:
    ///   - path: Absolute.
    ///   - flags: `O_RDONLY` or `O_RDWR`, with `O_CREAT` where it is made.
    ///   - task: What it is opened for, as the beginning of an error.
    /// - Returns: The open file.
    /// - Throws: Why it cannot be used; the number is ENOENT where there is none.
    static func open(_ path: String, _ flags: Int32, task: String) throws(LinuxError) -> Descriptor {
        let number = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600)
        guard number >= 0 else {
            switch errno {
            case ELOOP: throw LinuxError(cannot: task, because: "it is a symbolic link")
            case ENXIO: throw LinuxError(cannot: task, because: "it is no regular file")
            case let error: throw LinuxError(cannot: task, error)
            }
        }
        let file = Descriptor(number)
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw LinuxError(cannot: task, errno) }
        if let flaw = trustProblem(of: status) { throw LinuxError(cannot: task, because: flaw) }
        return file
    }

    /// Opens one only to look, whoever owns it: nil where there is no regular file.
    static func openForReading(_ path: String) -> Descriptor? {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        let file = Descriptor(number)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return file
    }

    /// Looks at a file that somebody else will open; one that is not there is fine.
    static func check(_ path: String, task: String) throws(LinuxError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if let flaw = trustProblem(of: status) { throw LinuxError(cannot: task, because: flaw) }
    }

    /// Why a file is none of ours; nil where it is.
    private static func trustProblem(of file: stat) -> String? {
        guard file.st_mode & S_IFMT == S_IFREG else {
            return file.st_mode & S_IFMT == S_IFLNK ? "it is a symbolic link" : "it is no regular file"
        }
        guard file.st_uid == 0 || file.st_uid == geteuid() else { return "it belongs to the user \(file.st_uid)" }
        guard file.st_nlink <= 1 else { return "it has several hard links; remove this one" }
        guard file.st_mode & (S_IWGRP | S_IWOTH) == 0 else { return "others may write to it; run `chmod go-w` on it" }
        return nil
    }
}

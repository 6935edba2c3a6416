import Glibc
import HeroModel

/// A file that only heroproc may write: a lock, a record, the database (FS-1).
///
/// It is a regular file with one link, writable only by root or this user. Any other file with its name was created by
/// another program: it is not waited for, written to or used.
enum TrustedFile {
    /// User namespaces do not matter for files that only this user and root may own.
    private static var trust: FileTrust { FileTrust(user: geteuid(), group: getegid()) }

    /// Opens a trusted file; follows no link and does not wait for the other end of a FIFO.
    ///
    /// - Parameters:
    ///   - path: An absolute path.
    ///   - flags: `O_RDONLY` or `O_RDWR`, with `O_CREAT` to create it.
    ///   - task: The beginning of an error text: what the file is opened for.
    /// - Returns: The open file.
    /// - Throws: The reason why the file cannot be used; the number is ENOENT if it does not exist.
    static func open(_ path: String, _ flags: Int32, task: String) throws(LinuxError) -> Descriptor {
        let number = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600)
        guard number >= 0 else {
            switch errno {
            case ELOOP: throw LinuxError(cannot: task, because: "it is a symbolic link")
            case ENXIO: throw LinuxError(cannot: task, because: "it is not a regular file")
            case let error: throw LinuxError(cannot: task, error)
            }
        }
        let file = Descriptor(number)
        guard let facts = FileFacts.of(file, path) else { throw LinuxError(cannot: task, errno) }
        if let problem = trust.ownFileProblem(facts) { throw LinuxError(cannot: task, because: problem) }
        return file
    }

    /// Opens a regular file of any owner for reading; returns nil if there is none.
    static func openForReading(_ path: String) -> Descriptor? {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        let file = Descriptor(number)
        return FileFacts.of(file, path)?.kind == .regular ? file : nil
    }

    /// Checks a file that other code will open; accepts a missing file.
    static func check(_ path: String, task: String) throws(LinuxError) {
        guard let facts = FileFacts.of(path) else { return }
        if let problem = trust.ownFileProblem(facts) { throw LinuxError(cannot: task, because: problem) }
    }
}

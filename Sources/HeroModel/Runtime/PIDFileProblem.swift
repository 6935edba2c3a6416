/// Why a shim does not accept the PID file of a daemon.
///
/// The text completes a sentence that begins with the path of the file. The numbers are those of
/// `enum hero_pid_file_problem`.
public enum PIDFileProblem: Int32, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// The file does not exist.
    case missing = 1
    /// The file cannot be opened or read.
    case unreadable = 2
    /// The path is a symbolic link, or the file is not a regular file, or has several hard links.
    case notRegular = 3
    /// The group of the file, or all users, can write to it.
    case writable = 4
    /// The file belongs to an unrelated user.
    case foreignOwner = 5
    /// Other users can replace the file in its directory.
    case unsafeDirectory = 6
    /// The first line is not a PID.
    case noNumber = 7
    /// The process is not a process of the tree that the shim can make the main process.
    case foreignProcess = 8

    /// The text for users.
    public var description: String {
        switch self {
        case .missing: "does not exist"
        case .unreadable: "cannot be read"
        case .notRegular: "is not a regular file with one name"
        case .writable: "can be written by its group or by all users; write it with mode 0644"
        case .foreignOwner: "belongs to another user"
        case .unsafeDirectory: "is in a directory where other users can replace it"
        case .noNumber: "has no PID in its first line"
        case .foreignProcess: "names a process that is not a daemon of this program"
        }
    }
}

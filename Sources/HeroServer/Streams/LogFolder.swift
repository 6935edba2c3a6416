import Glibc
import HeroLinux

/// The log files of one action, oldest first.
struct LogFolder: Sendable {
    /// A log file.
    struct File: Hashable, Sendable {
        var path: String
        var job: Int64
        /// The number of later files of the same job.
        var age: Int64
        var inode: UInt64
        var size: Int64
    }

    let path: String

    /// The files, oldest first; empty if there are none.
    func files() -> [File] {
        let files = (listDirectory(path) ?? []).compactMap { Self.file($0, in: path) }
        return files.sorted { ($0.job, $1.age) < ($1.job, $0.age) }
    }

    /// The names of the folders in a folder.
    static func names(in path: String) -> [String] {
        (listDirectory(path) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Reads `JOB.log` or `JOB.log.AGE`.
    private static func file(_ name: String, in folder: String) -> File? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[1] == "log", let job = Int64(parts[0]), job > 0 else { return nil }
        let age = parts.count == 3 ? Int64(parts[2]) : 0
        var entry = stat()
        guard let age, age >= 0, lstat("\(folder)/\(name)", &entry) == 0, entry.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return File(
            path: "\(folder)/\(name)",
            job: job,
            age: age,
            inode: UInt64(entry.st_ino),
            size: Int64(entry.st_size)
        )
    }
}

import Glibc
import HeroModel

extension LeftPIDFile {
    /// Reads the facts of a PID file that an action names; nil if it does not exist.
    ///
    /// Reading it follows no link and never blocks.
    static func read(_ path: String) -> LeftPIDFile? {
        // O_NONBLOCK: a FIFO would block. O_NOFOLLOW: a link could lead to any file.
        let number = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        let error = errno
        if number < 0, error == ENOENT || error == ENOTDIR { return nil }
        let descriptor = number < 0 ? nil : Descriptor(number)
        var file = stat()
        let result = descriptor.map { fstat($0.number, &file) } ?? lstat(path, &file)
        guard result == 0 else {
            return LeftPIDFile(
                path: path,
                device: 0,
                inode: 0,
                writtenAt: .init(microseconds: 0),
                problem: "cannot be read"
            )
        }
        let facts = FileFacts(file, path)
        let limit = PIDFileRules.maximumSize
        let bytes = descriptor.flatMap { readAll($0.number, limit: limit) }
        return LeftPIDFile(
            path: path,
            device: UInt64(file.st_dev),
            inode: UInt64(file.st_ino),
            writtenAt: WallTime(file.st_mtim),
            problem: PIDFileRules.removalProblem(facts, bytes, size: Int64(file.st_size))
                ?? folderProblem(path, owner: facts.owner)
        )
    }

    /// Returns why another user than the owner of the file could put another file in its place; nil if none can.
    private static func folderProblem(_ path: String, owner: UInt32) -> String? {
        do throws(PathProblem) {
            try PathTrust.current.check(path, trusting: [owner])
            return nil
        } catch {
            return "is in a folder that other users can change (\(error.text))"
        }
    }
}

extension WallTime {
    /// The time of a file, as stat(2) returns it.
    init(_ time: timespec) {
        let (seconds, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? .max : seconds &+ Int64(time.tv_nsec) / 1000)
    }
}

import CHeroLinux
import Glibc
import HeroModel

/// A PID file as it exists on disk (PF-1).
///
/// Reading it follows no link and never blocks.
struct PIDFile {
    /// The PID in the file, 2 or greater.
    var pid: Int32
    /// The owner of the file.
    var owner: UInt32
    /// The device of the file, as stat(2) returns it.
    var device: UInt64
    /// The inode of the file.
    var inode: UInt64
    /// When the file was last written, in nanoseconds since 1970.
    var writtenAt: Int64

    /// The result of reading a PID file.
    enum ReadResult {
        /// The file does not exist.
        case absent
        /// The file is not an acceptable PID file, for this reason.
        case invalid(String)
        /// The file holds a PID.
        case found(PIDFile)
    }

    /// Reads a PID file.
    ///
    /// - Parameters:
    ///   - path: An absolute path.
    ///   - owners: Trusted owners of the file besides root: the user of heroproc.
    ///   - userOf: Returns the user of a process. A process's own user may name it in a PID file (contract, section 7).
    /// - Returns: The PID, or the reason why the file is not accepted.
    static func read(
        _ path: String,
        owners: Set<UInt32>,
        userOf: (Int32) -> UInt32? = { _ in nil }
    ) -> ReadResult {
        // O_NONBLOCK: a FIFO would block. O_NOFOLLOW: a link could lead to any file.
        let number = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard number >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: return .absent
            case ELOOP: return .invalid("is a symbolic link")
            case ENXIO: return .invalid("is a socket or a device")
            default: return .invalid("cannot be read: \(String(cString: strerror(errno)))")
            }
        }
        let descriptor = Descriptor(number)
        var file = stat()
        guard fstat(number, &file) == 0 else { return .invalid("cannot be read") }
        let facts = FileFacts(file, path)
        if let problem = PIDFileRules.problem(facts) { return .invalid(problem) }
        let limit = PIDFileRules.maximumSize
        let bytes = readAll(descriptor.number, limit: limit + 1).flatMap { $0.count <= limit ? $0 : nil }
        var trusted = owners.union([0])
        if !trusted.contains(facts.owner), let user = bytes.flatMap(PIDFileRules.parse).flatMap(userOf) {
            trusted.insert(user)
        }
        let folder = FileFacts.following("/" + path.split(separator: "/").dropLast().joined(separator: "/"))
        if let problem = PIDFileRules.ownerProblem(facts, folder: folder, trusted: trusted) {
            return .invalid(problem)
        }
        do throws(PIDFileRules.Rejection) {
            return .found(
                PIDFile(
                    pid: try PIDFileRules.pid(in: bytes, size: Int64(file.st_size)),
                    owner: facts.owner,
                    device: UInt64(file.st_dev),
                    inode: UInt64(file.st_ino),
                    writtenAt: Int64(file.st_mtim.tv_sec) * 1_000_000_000 + Int64(file.st_mtim.tv_nsec)
                )
            )
        } catch {
            return .invalid(error.reason)
        }
    }

    /// Whether a process holds a lock on this file (`/proc/locks`, proc(5)).
    func isLocked(by pid: Int32) -> Bool {
        guard let locks = readText("/proc/locks", limit: 1 << 20) else { return false }
        return locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            // `1: POSIX ADVISORY WRITE 412 00:1a:5678 0 EOF`; a waiting request has `->` after the number.
            guard fields.count >= 6, fields[1] != "->", Int32(fields[4]) == pid else { return false }
            let file = fields[5].split(separator: ":")
            return file.count == 3 && UInt64(file[2]) == inode
        }
    }
}

import CHeroLinux
import Glibc
import HeroModel

/// A PID file as it lies there (reliability.md PF-1): read without following a link, without waiting, without belief.
struct PIDFile {
    /// The number it holds, 2 or more.
    var pid: Int32
    /// Its owner.
    var owner: UInt32
    /// Its device, as stat(2) gives it.
    var device: UInt64
    /// Its inode.
    var inode: UInt64
    /// When it was last written, in nanoseconds of the calendar.
    var writtenAt: Int64

    /// What became of reading one.
    enum ReadResult {
        /// There is none.
        case absent
        /// It is none, and this is why.
        case invalid(String)
        /// It holds a number.
        case found(PIDFile)
    }

    /// Reads a PID file.
    ///
    /// - Parameters:
    ///   - path: Absolute.
    ///   - owners: Users besides root whose word counts, whatever the file says: heroproc's own.
    ///   - userOf: Whose a process is: of one's own process everybody may speak (contract section 7).
    /// - Returns: The number, or why there is none to be believed.
    static func read(
        _ path: String,
        owners: Set<UInt32>,
        userOf: (Int32) -> UInt32? = { _ in nil }
    ) -> ReadResult {
        // Not blocking: a FIFO would wait for a writer. Not following: a link could lead to anything.
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
        guard file.st_mode & S_IFMT == S_IFREG else { return .invalid("is no regular file") }
        guard file.st_nlink == 1 else { return .invalid("has several hard links") }
        guard file.st_mode & 0o022 == 0 else { return .invalid("can be written by everybody or by its group") }
        let bytes = readAll(descriptor.number, limit: 33).flatMap { $0.count <= 32 ? $0 : nil }
        let named = bytes.flatMap(Self.parsePID)
        var trusted = owners.union([0])
        if !trusted.contains(file.st_uid), let user = named.flatMap(userOf) { trusted.insert(user) }
        guard trusted.contains(file.st_uid) else { return .invalid("belongs to the user \(file.st_uid)") }
        guard isSafe(folderOf: path, trusted: trusted) else {
            return .invalid("lies in a folder where others can exchange it")
        }
        guard file.st_size > 0 else { return .invalid("is empty") }
        guard file.st_size <= 32, bytes != nil else { return .invalid("is too large for a PID file") }
        guard let pid = named else { return .invalid("holds no process number") }
        return .found(
            PIDFile(
                pid: pid,
                owner: file.st_uid,
                device: UInt64(file.st_dev),
                inode: UInt64(file.st_ino),
                writtenAt: Int64(file.st_mtim.tv_sec) * 1_000_000_000 + Int64(file.st_mtim.tv_nsec)
            )
        )
    }

    /// Decimal digits, one line feed at most: everything else is no number, and no number begins in it.
    static func parsePID(_ bytes: [UInt8]) -> Int32? {
        let digits = bytes.last == 10 ? bytes.dropLast() : bytes[...]
        guard (1...10).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let number = Int32(String(decoding: digits, as: UTF8.self)), number >= 2
        else { return nil }
        return number
    }

    private static func isSafe(folderOf path: String, trusted: Set<UInt32>) -> Bool {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        var file = stat()
        guard stat("/" + folder, &file) == 0, trusted.contains(file.st_uid) else { return false }
        return file.st_mode & 0o022 == 0 || file.st_mode & S_ISVTX != 0
    }

    /// Whether a process holds a lock on this very file (`/proc/locks`, proc(5)).
    func isLocked(by pid: Int32) -> Bool {
        guard let locks = readText("/proc/locks", limit: 1 << 20) else { return false }
        return locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            // `1: POSIX ADVISORY WRITE 412 00:1a:5678 0 EOF`; one that waits has `->` behind the number.
            guard fields.count >= 6, fields[1] != "->", Int32(fields[4]) == pid else { return false }
            let place = fields[5].split(separator: ":")
            return place.count == 3 && UInt64(place[2]) == inode
        }
    }
}

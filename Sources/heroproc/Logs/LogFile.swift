import Glibc
import HeroLinux
import HeroModel
import HeroView

/// An open log file.
///
/// It remains the same file after a rename.
final class LogFile: Identifiable {
    /// Identifies an open file.
    struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64

        init(_ file: stat) {
            device = UInt64(file.st_dev)
            inode = UInt64(file.st_ino)
        }
    }

    /// Identifies a file for good: a later file may get the same inode number, but begins with other bytes.
    struct Fingerprint: Hashable {
        var identity: Identity
        var firstBytes: [UInt8]
    }

    /// Identifies the file while it is open.
    let identity: Identity
    /// The job, from the name of the file; nil for another name.
    let job: JobID?
    var id: Identity { identity }
    private let descriptor: Int32

    /// Opens a file; nil when it does not exist or is no regular file.
    ///
    /// A pipe in its place must not block the reader, and a link must not show another file (LG-6).
    init?(_ path: String) {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        var file = stat()
        guard fstat(number, &file) == 0, file.st_mode & S_IFMT == S_IFREG else {
            close(number)
            return nil
        }
        descriptor = number
        identity = Identity(file)
        job = path.split(separator: "/").last.flatMap { name in JobID(name.prefix { $0 != "." }) }
    }

    deinit {
        close(descriptor)
    }

    /// The current size in bytes.
    var size: Int { max(0, Int(status.st_size)) }

    /// The time of the last write.
    var modifiedAt: WallTime {
        let time = status.st_mtim
        return WallTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
    }

    /// The timestamp of the first line that has one; nil while the file is empty.
    var firstTimestamp: WallTime? {
        for line in (read(from: 0, upTo: 4096) ?? []).split(separator: UInt8(ascii: "\n")) {
            if let time = LogLine(line)?.time { return time }
        }
        return nil
    }

    /// Identifies the file for good; nil while the file is empty.
    var fingerprint: Fingerprint? {
        let stamp = read(from: 0, upTo: 30) ?? []
        return stamp.isEmpty ? nil : Fingerprint(identity: identity, firstBytes: stamp)
    }

    /// Reads bytes from an offset.
    ///
    /// The result is empty at the end of the file, and nil after an error.
    func read(from offset: Int, upTo limit: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, limit)) { buffer, count in
            var result = 0
            repeat {
                result = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            } while result < 0 && errno == EINTR
            failed = result < 0
            count = max(0, result)
        }
        return failed ? nil : bytes
    }

    /// Finds the offset of the last lines, and how many of the requested lines the file contains.
    func findTail(_ lines: Int) -> (offset: Int, count: Int) {
        let size = size
        let tail = LogTail(lines: lines)
        var length = min(size, 65_536)
        while true {
            let start = size - length
            guard let bytes = read(from: start, upTo: length) else { return (size, 0) }
            if let first = tail.start(in: bytes[...], isWhole: start == 0) {
                return (start + first, start == 0 ? tail.count(in: bytes[...]) : lines)
            }
            length = min(size, length &* 4)
        }
    }

    private var status: stat {
        var file = stat()
        _ = fstat(descriptor, &file)
        return file
    }
}

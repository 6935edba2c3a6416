import Glibc
import HeroLinux
import HeroModel
import HeroView

/// An open log file; it stays the same one when it is renamed.
final class LogFile: Identifiable {
    /// What tells it from every other file.
    struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64

        init(_ file: stat) {
            device = UInt64(file.st_dev)
            inode = UInt64(file.st_ino)
        }
    }

    /// What tells it from a file that was given its number later: how it begins.
    struct Fingerprint: Hashable {
        var identity: Identity
        var firstBytes: [UInt8]
    }

    /// Which file it is, as long as it is open.
    let identity: Identity
    var id: Identity { identity }
    private let descriptor: Int32

    /// Opens it; nil when it is not there, or no file: a pipe that somebody put in its place must not make us wait, and a
    /// link must not show what lies elsewhere (LG-6).
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
    }

    deinit {
        close(descriptor)
    }

    /// Its size in bytes now.
    var size: Int { max(0, Int(status.st_size)) }

    /// When it was last written to.
    var modifiedAt: WallTime {
        let time = status.st_mtim
        return WallTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000)
    }

    /// The time of its first line that has one; nil when nothing was written yet.
    var firstTimestamp: WallTime? {
        for line in (read(from: 0, most: 4096) ?? []).split(separator: UInt8(ascii: "\n")) {
            if let time = LogLine(line)?.time { return time }
        }
        return nil
    }

    /// Which file it is for good; nil while nothing was written to it.
    var fingerprint: Fingerprint? {
        let stamp = read(from: 0, most: 30) ?? []
        return stamp.isEmpty ? nil : Fingerprint(identity: identity, firstBytes: stamp)
    }

    /// Bytes from an offset; empty at the end, nil when it cannot be read.
    func read(from offset: Int, most: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, most)) { buffer, count in
            var result = 0
            repeat {
                result = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            } while result < 0 && errno == EINTR
            failed = result < 0
            count = max(0, result)
        }
        return failed ? nil : bytes
    }

    /// Where the last lines begin, and how many of the wanted ones are in it.
    func findTail(_ lines: Int) -> (offset: Int, count: Int) {
        let size = size
        let tail = LogTail(lines: lines)
        var length = min(size, 65_536)
        while true {
            let begin = size - length
            guard let bytes = read(from: begin, most: length) else { return (size, 0) }
            if let start = tail.start(in: bytes[...], isWhole: begin == 0) {
                return (begin + start, begin == 0 ? tail.count(in: bytes[...]) : lines)
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

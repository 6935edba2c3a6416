import Glibc

/// Reads the small files that hold values of an environment (reliability.md SE-3).
enum ValueFile {
    /// The most bytes such a file may have.
    static let largestSize = 64 << 10

    /// Why a file cannot be used.
    struct Flaw: Error {
        /// The kernel's error number; 0 when the cause is not the kernel's.
        var number: Int32
        /// In words, without the path and without anything that stands in the file.
        var cause: String
    }

    /// The bytes of a regular file that nobody but root and this user can have written.
    ///
    /// Links are followed, as those are that hand secrets to containers. Never waits for the other end of a FIFO.
    static func read(_ path: String) throws(Problem) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            // A socket cannot be opened at all.
            if errno == ENXIO { throw ours("it is no regular file") }
            throw kernel(errno)
        }
        let file = Descriptor(number)
        var before = try status(of: file)
        try judge(before, path)
        for _ in 0..<5 {
            guard let bytes = readAll(file.number, limit: largestSize + 1) else { throw kernel(errno) }
            guard bytes.count <= largestSize else { throw ours("it is larger than 64 KiB") }
            let after = try status(of: file)
            let isStable =
                after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec
                && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
            if isStable { return bytes }
            before = after
        }
        throw ours("it is being written all the time")
    }

    /// The file as it was opened, and the way to it: a link of a stranger's could lead to what only root may read.
    private static func judge(_ file: stat, _ path: String) throws(Problem) {
        guard file.st_mode & S_IFMT == S_IFREG else { throw ours("it is no regular file") }
        guard file.st_uid == 0 || file.st_uid == geteuid() else {
            throw ours("it belongs to another user; give it to root or to the user that heroproc runs as")
        }
        guard !TrustedPath.isWritableByOthers(file, path) else {
            throw ours("others may write to it; run `chmod go-w` on it")
        }
        do {
            try TrustedPath.judge(path)
        } catch {
            throw ours("others could put another file in its place: \(error.text)")
        }
    }

    private static func status(of file: Descriptor) throws(Problem) -> stat {
        var result = stat()
        guard fstat(file.number, &result) == 0 else { throw kernel(errno) }
        return result
    }

    private static func kernel(_ number: Int32) -> Flaw { Flaw(number: number, cause: errorText(number)) }

    private static func ours(_ cause: String) -> Flaw { Flaw(number: 0, cause: cause) }
}

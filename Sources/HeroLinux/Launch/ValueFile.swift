import Glibc

/// Reads the small files that hold values of an environment (reliability.md SE-3).
enum ValueFile {
    /// The most bytes such a file may have.
    static let maximumSize = 64 << 10

    /// Why a file cannot be used.
    struct ReadError: Error {
        /// The kernel's error number; 0 when the cause is not the kernel's.
        var number: Int32
        /// In words, without the path and without anything that stands in the file.
        var cause: String
    }

    /// The bytes of a regular file that nobody but root and this user can have written.
    ///
    /// Links are followed, as those are that hand secrets to containers. Never waits for the other end of a FIFO.
    static func read(_ path: String) throws(ReadError) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            // A socket cannot be opened at all.
            if errno == ENXIO { throw contentError("it is no regular file") }
            throw kernelError(errno)
        }
        let file = Descriptor(number)
        var before = try status(of: file)
        try checkTrust(before, path)
        for _ in 0..<5 {
            guard let bytes = readAll(file.number, limit: maximumSize + 1) else { throw kernelError(errno) }
            guard bytes.count <= maximumSize else { throw contentError("it is larger than 64 KiB") }
            let after = try status(of: file)
            let isStable =
                after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec
                && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
            if isStable { return bytes }
            before = after
        }
        throw contentError("it is being written all the time")
    }

    /// The file as it was opened, and the way to it: a link of a stranger's could lead to what only root may read.
    private static func checkTrust(_ file: stat, _ path: String) throws(ReadError) {
        guard file.st_mode & S_IFMT == S_IFREG else { throw contentError("it is no regular file") }
        guard file.st_uid == 0 || file.st_uid == geteuid() else {
            throw contentError("it belongs to another user; give it to root or to the user that heroproc runs as")
        }
        guard !TrustedPath.isWritableByOthers(file, path) else {
            throw contentError("others may write to it; run `chmod go-w` on it")
        }
        do {
            try TrustedPath.check(path)
        } catch {
            throw contentError("others could put another file in its place: \(error.text)")
        }
    }

    private static func status(of file: Descriptor) throws(ReadError) -> stat {
        var result = stat()
        guard fstat(file.number, &result) == 0 else { throw kernelError(errno) }
        return result
    }

    private static func kernelError(_ number: Int32) -> ReadError {
        ReadError(number: number, cause: errorText(number))
    }

    private static func contentError(_ cause: String) -> ReadError { ReadError(number: 0, cause: cause) }
}

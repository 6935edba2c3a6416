import Glibc
import HeroModel

/// Reads the small files that hold environment values (SE-3).
enum ValueFile {
    /// The largest file in bytes.
    static let maximumSize = 64 << 10

    /// Why a file cannot be used.
    struct ReadError: Error {
        /// The errno; 0 if the file was rejected.
        var number: Int32
        /// The cause as a text, without the path and without any content of the file.
        var cause: String
    }

    /// Reads a file for the environment of a program that runs as this account.
    ///
    /// What only root and the user of heroproc can have written is read as it is. Everything else is read with the rights
    /// of the account, which must own the file or have it from root.
    static func read(_ path: String, as account: Account?) throws(ReadError) -> [UInt8] {
        guard let account, geteuid() == 0, account.uid != 0 else { return try read(path) }
        do throws(PathProblem) {
            // The check ends at the first directory of another user, so it cannot wait for a mount in such a directory.
            try PathTrust.current.check(path)
        } catch {
            return try UserFileReader.shared.read(path, as: account)
        }
        var file = stat()
        let belongsToAccount = stat(path, &file) == 0 && file.st_uid == account.uid
        return belongsToAccount ? try UserFileReader.shared.read(path, as: account) : try read(path)
    }

    /// Reads a regular file that only root and this user can have written.
    ///
    /// Links are followed, because container platforms use them to provide secrets. Never waits for the other end of a
    /// FIFO.
    ///
    /// `owner` is another user whose files are trusted.
    static func read(_ path: String, trustingOwner owner: UInt32? = nil) throws(ReadError) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            // A socket cannot be opened.
            if errno == ENXIO { throw contentError("it is not a regular file") }
            throw kernelError(errno)
        }
        let file = Descriptor(number)
        var before = try status(of: file)
        try checkTrust(FileFacts(before, path), path, owner)
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
        throw contentError("it changes while it is read")
    }

    /// Checks the open file and the path to it: an untrusted link could lead to a file that only root may read.
    private static func checkTrust(_ file: FileFacts, _ path: String, _ owner: UInt32?) throws(ReadError) {
        let pathTrust = PathTrust.current
        if let problem = pathTrust.trust.valueFileProblem(file, trusting: owner) { throw contentError(problem) }
        do throws(PathProblem) {
            try pathTrust.check(path, trusting: owner.map { [$0] } ?? [])
        } catch {
            throw contentError("other users could replace it: \(error.text)")
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

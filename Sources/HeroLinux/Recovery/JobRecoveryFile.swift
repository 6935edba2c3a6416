import CHeroLinux
import Glibc

/// The recovery file next to the record of a job: the content from which its database rows can be rebuilt.
///
/// The file always has whole blocks, so that it can be overwritten on a full disk, which allows no new file (as SH-9
/// does with the record). The writer includes a checksum in the bytes to detect a torn file.
enum JobRecoveryFile {
    private static let blockSize = 4096
    /// The largest file that is read, in bytes; larger than any manifest allows.
    private static let maximumSize = 16 << 20

    /// Writes a complete new file, or overwrites the existing one if that fails.
    ///
    /// - Returns: Whether the bytes are written.
    static func write(_ bytes: [UInt8], to path: String) -> Bool {
        var bytes = bytes
        // The spare bytes allow a longer content to overwrite this one.
        let size = (bytes.count + 256 + blockSize - 1) / blockSize * blockSize
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: size - bytes.count))
        let draft = path + ".new"
        if replace(path, draft, bytes) { return true }
        unlink(draft)
        return overwrite(path, bytes)
    }

    /// Reads the file; returns nil if it does not exist.
    static func read(_ path: String) -> [UInt8]? {
        guard var bytes = readFile(path, limit: maximumSize) else { return nil }
        while bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes
    }

    /// Removes the file and an unfinished draft.
    static func remove(_ path: String) {
        unlink(path)
        unlink(path + ".new")
    }

    private static func replace(_ path: String, _ draft: String, _ bytes: [UInt8]) -> Bool {
        let number = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return false }
        let file = Descriptor(number)
        return pwrite(file.number, bytes, bytes.count, 0) == bytes.count && rename(draft, path) == 0
    }

    private static func overwrite(_ path: String, _ bytes: [UInt8]) -> Bool {
        let number = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { return false }
        let file = Descriptor(number)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_size >= off_t(bytes.count) else { return false }
        var padded = bytes
        padded.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: Int(status.st_size) - bytes.count))
        return pwrite(file.number, padded, padded.count, 0) == padded.count
    }
}

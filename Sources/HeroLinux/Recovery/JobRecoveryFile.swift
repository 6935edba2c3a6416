import CHeroLinux
import Glibc

/// The file beside a job's record that says what the database would know of it.
///
/// It always takes whole blocks, so that a full disk, which takes no new file, still lets it be overwritten (as SH-9 does
/// with the record). Who writes says in the bytes themselves how to tell a torn one.
enum JobRecoveryFile {
    private static let blockSize = 4096
    /// More than any manifest can make of it.
    private static let maximumSize = 16 << 20

    /// Writes it whole, over or beside the one before.
    ///
    /// - Returns: whether it is written.
    static func write(_ bytes: [UInt8], to path: String) -> Bool {
        var bytes = bytes
        // Some room for the next one to be longer.
        let size = (bytes.count + 256 + blockSize - 1) / blockSize * blockSize
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: size - bytes.count))
        let draft = path + ".new"
        if replace(path, draft, bytes) { return true }
        unlink(draft)
        return overwrite(path, bytes)
    }

    /// Reads it; nil when there is none.
    static func read(_ path: String) -> [UInt8]? {
        guard var bytes = readFile(path, limit: maximumSize) else { return nil }
        while bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes
    }

    /// Removes it, and what a crash has left of writing it.
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

/// What the live reconciler has to say beside the database, for whoever asks for the status: why it cannot write there, and why it
/// holds back.
///
/// The file is made when a reconciler begins and only overwritten afterwards: a full disk must not keep it from speaking.
public enum ReconcilerStatusFile {
    private static let fileSize = 1024

    static func write(_ text: String?, to path: String) {
        let number = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        var bytes = Array((text ?? "").utf8.prefix(fileSize - 1))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: fileSize - bytes.count))
        _ = pwrite(file.number, bytes, bytes.count, 0)
    }

    /// Why the reconciler that lives cannot write its database; nil when nothing is wrong.
    public static func storeOutage(_ paths: RuntimePaths) -> String? { read(paths.storeOutageFile) }

    /// Says why, and how long, the reconciler that lives holds back.
    public static func writeSafeMode(_ text: String, _ paths: RuntimePaths) { write(text, to: paths.safeModeFile) }

    static func read(_ path: String) -> String? {
        let text = readText(path)?.trimmed ?? ""
        return text.isEmpty ? nil : text
    }
}

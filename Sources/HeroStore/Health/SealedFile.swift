internal import Foundation
internal import HeroModel

/// A small file whose first line is the digest of the rest, so that a damaged or incomplete file is not believed.
enum SealedFile {
    /// Replaces a file atomically, with mode 0600.
    ///
    /// - Parameters:
    ///   - data: The content.
    ///   - path: The path of the file.
    ///   - isDurable: Whether the file is on the disk when this returns.
    /// - Returns: whether the file was replaced.
    static func write(_ data: Data, to path: String, isDurable: Bool = false) -> Bool {
        let temporaryPath = path + ".new"
        let sealed = Data((data.withUnsafeBytes { contentDigest($0) } + "\n").utf8) + data + Data("\n".utf8)
        guard (try? sealed.write(to: URL(fileURLWithPath: temporaryPath))) != nil, chmod(temporaryPath, 0o600) == 0,
            !isDurable || flush(temporaryPath), rename(temporaryPath, path) == 0,
            !isDurable || flush(path.parentDirectory)
        else {
            unlink(temporaryPath)
            return false
        }
        return true
    }

    /// Reads a file; nil when it is missing or not valid.
    static func read(_ path: String) -> Data? {
        guard let sealed = try? Data(contentsOf: URL(fileURLWithPath: path)),
            let end = sealed.firstIndex(of: UInt8(ascii: "\n")), sealed.last == UInt8(ascii: "\n")
        else { return nil }
        let data = Data(sealed[sealed.index(after: end)...].dropLast())
        guard data.withUnsafeBytes({ contentDigest($0) }) == String(decoding: sealed[..<end], as: UTF8.self) else {
            return nil
        }
        return data
    }

    /// Writes a file or a directory to the disk (fsync(2)).
    private static func flush(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }
}

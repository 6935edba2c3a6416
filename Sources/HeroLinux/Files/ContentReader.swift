import CHeroLinux
import Glibc
public import HeroModel

/// Reads the content of files as digests, for comparison with the content at the start of a program.
///
/// Links are followed. A directory counts as the regular files directly in it. A file that has not changed since it was
/// read is not read again: device, inode, size and both time stamps must be the same.
public final class ContentReader {
    private struct Version: Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modifiedAt: Int64
        var changedAt: Int64

        init(_ file: stat) {
            device = UInt64(truncatingIfNeeded: file.st_dev)
            inode = UInt64(truncatingIfNeeded: file.st_ino)
            size = Int64(file.st_size)
            modifiedAt = Self.nanoseconds(file.st_mtim)
            changedAt = Self.nanoseconds(file.st_ctim)
        }

        private static func nanoseconds(_ time: timespec) -> Int64 {
            Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        }
    }

    /// How many digests are remembered.
    private static let cacheLimit = 10_000
    /// How many files of one directory are read.
    private static let directoryLimit = 10_000
    /// A file that was changed so recently may change again within the resolution of its time stamps.
    private static let settledAge: Int64 = 2_000_000_000

    private var known: [Version: String] = [:]
    private let key: ContentKey?

    /// Makes a reader that has read nothing; without a key it does not read what may be secret.
    public init(key: ContentKey?) {
        self.key = key
    }

    /// Reads each file.
    ///
    /// - Returns: One digest for each reference, in the same order; nil for a file that cannot be read.
    public func read(_ references: [ContentReference]) -> [String?] { references.map { read($0) } }

    private func read(_ reference: ContentReference) -> String? {
        let number = open(reference.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        let file = Descriptor(number)
        var facts = stat()
        guard fstat(number, &facts) == 0 else { return nil }
        guard !reference.kind.isSecret else {
            guard let key, facts.st_mode & S_IFMT == S_IFREG else { return nil }
            return readAll(number, limit: ValueFile.maximumSize + 1).flatMap { bytes in
                bytes.count > ValueFile.maximumSize ? nil : key.digest(bytes)
            }
        }
        switch facts.st_mode & S_IFMT {
        case S_IFREG: return digest(of: file, facts)
        case S_IFDIR: return digest(ofDirectory: reference.path, file)
        default: return nil
        }
    }

    private func digest(of file: borrowing Descriptor, _ facts: stat) -> String? {
        let version = Version(facts)
        guard version.size < RecordedContent.largeSize else {
            return RecordedContent.large(size: version.size, modifiedAt: version.modifiedAt)
        }
        if let digest = known[version] { return digest }
        var bytes = [UInt8](repeating: 0, count: 32)
        let size = hl_digest_file(file.number, Int(RecordedContent.largeSize) - 1, &bytes)
        var after = stat()
        guard size >= 0, fstat(file.number, &after) == 0 else { return nil }
        let digest = Self.text(bytes)
        let age = hl_wall_clock() &- max(version.modifiedAt, version.changedAt)
        if Version(after) == version, age > Self.settledAge {
            if known.count >= Self.cacheLimit { known = [:] }
            known[version] = digest
        }
        return digest
    }

    /// The names and digests of the regular files directly in a directory, as one digest.
    private func digest(ofDirectory path: String, _ directory: borrowing Descriptor) -> String? {
        guard let names = listDirectory(path), names.count <= Self.directoryLimit else { return nil }
        var text: [UInt8] = []
        var hasLargeFile = false
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let number = openat(directory.number, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            guard number >= 0 else {
                // A link without a target, or a file that was removed meanwhile.
                if errno == ENOENT || errno == ENXIO { continue }
                return nil
            }
            let file = Descriptor(number)
            var facts = stat()
            guard fstat(number, &facts) == 0 else { return nil }
            guard facts.st_mode & S_IFMT == S_IFREG else { continue }
            guard let digest = digest(of: file, facts) else { return nil }
            hasLargeFile = hasLargeFile || RecordedContent.isLarge(digest)
            text += Array(name.utf8) + [0] + Array(digest.utf8) + [0]
        }
        var bytes = [UInt8](repeating: 0, count: 32)
        text.withUnsafeBytes { hl_digest($0.baseAddress, $0.count, &bytes) }
        return hasLargeFile ? RecordedContent.largeDirectory(Self.text(bytes)) : Self.text(bytes)
    }

    private static func text(_ digest: [UInt8]) -> String { "sha256:" + ContentKey.hexadecimal(digest) }
}
